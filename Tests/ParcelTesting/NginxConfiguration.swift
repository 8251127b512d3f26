import Glibc

/// The configuration of the `Nginx` fixture.
struct NginxConfiguration {
  var home: String
  /// http, second http, https, https with the expired certificate.
  var ports: [Int]

  var text: String {
    """
    daemon off;
    worker_processes 1;
    \(getuid() == 0 ? "user root;" : "")
    pid \(home)/nginx.pid;
    error_log \(home)/error.log;
    events { worker_connections 1024; }
    http {
      access_log off;
      sendfile on;
      keepalive_timeout 60s;
      keepalive_requests 100000;
      types { }
      default_type application/octet-stream;
      \(["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map { "\($0)_temp_path \(home)/tmp;" }.joined(separator: "\n  "))
      add_header X-Connection $connection always;
      add_header X-Requests $connection_requests always;
      server {
        listen 127.0.0.1:\(ports[0]);
        listen unix:\(home)/socket;
        server_name _;
        \(locations)
      }
      server {
        listen 127.0.0.1:\(ports[1]);
        server_name _;
        \(locations)
      }
      server {
        listen 127.0.0.1:\(ports[2]) ssl http2;
        server_name localhost;
        ssl_certificate \(home)/server.pem;
        ssl_certificate_key \(home)/server.key;
        \(locations)
      }
      server {
        listen 127.0.0.1:\(ports[3]) ssl;
        server_name localhost;
        ssl_certificate \(home)/expired.pem;
        ssl_certificate_key \(home)/server.key;
        \(locations)
      }
    }
    """
  }

  private var locations: String {
    """
    root \(home)/root;
    location /norange/ { alias \(home)/root/; max_ranges 0; }
    location /slow/ { alias \(home)/root/; limit_rate \(Nginx.slowRate); }
    location /gzip/ { alias \(home)/root/; gzip on; gzip_types *; gzip_min_length 1; }
    location /gzipped/ { alias \(home)/root/; gzip_static always; }
    location /auth/ { alias \(home)/root/; auth_basic parcel; auth_basic_user_file \(home)/passwords; }
    location = /forbidden { return 403 "\(Nginx.forbiddenBody)"; }
    location = /status/500 { return 500 "broken"; }
    location = /status/503 { \(headers) add_header Retry-After 7 always; return 503 "later"; }
    location = /status/429 { \(headers) add_header Retry-After 7 always; return 429 "slower"; }
    location ~ ^/elsewhere/(.*)$ { return 302 http://127.0.0.1:\(ports[1])/$1; }
    location = /echo {
      return 200 "range=$http_range\\nencoding=$http_accept_encoding\\nagent=$http_user_agent\\ntoken=$http_x_auth_token\\nprotocol=$server_protocol\\n";
    }
    """
  }

  /// A location's own `add_header` hides the server's.
  private var headers: String {
    "add_header X-Connection $connection always; add_header X-Requests $connection_requests always;"
  }
}
