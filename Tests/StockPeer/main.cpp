// A peer that is not ours: plain libudt calls with its own congestion control, as the original programs make them.
//
//   stock-peer send HOST PORT MSS BYTES SEED           connects, sends, closes
//   stock-peer receive HOST PORT MSS                   connects, reads to the end, prints BYTES DIGEST
//   stock-peer echo HOST PORT MSS                      connects, sends back what it reads
//   stock-peer listen-send MSS BYTES SEED              listens (prints PORT first), accepts once, sends, closes
//   stock-peer listen-receive MSS                      … reads to the end, prints BYTES DIGEST
//   stock-peer listen-hold MSS                         … neither reads nor closes, until it is killed
//   stock-peer get HOST PORT MSS PATH                  connects, asks for PATH over HTTP, reads to the end of the answer's body or of the
//                                                      connection, prints BYTES of the body
//   stock-peer serve ADDRESS PORT MSS BYTES            listens, answers the first request of each connection with BYTES of zeros, one
//                                                      connection after the other, until it is killed
//
// The bytes are a generator's, the digest is FNV-1a in 64 bits: Tests/ParcelUDTTests has both too. Exits 0 when all went well.
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <udt/udt.h>
#include <unistd.h>

#include <string>
#include <vector>

namespace {

void fail(const char *what) {
  fprintf(stderr, "%s: %s\n", what, UDT::getlasterror_desc());
  exit(1);
}

class Generator {
public:
  explicit Generator(uint64_t seed) : state(seed * 0x9E3779B97F4A7C15ull | 1) {}
  uint8_t next() {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return uint8_t(state >> 24);
  }

private:
  uint64_t state;
};

UDTSOCKET new_socket(int mss) {
  UDTSOCKET socket = UDT::socket(AF_INET, SOCK_STREAM, 0);
  if (socket == UDT::INVALID_SOCK) fail("socket");
  if (UDT::setsockopt(socket, 0, UDT_MSS, &mss, sizeof mss) == UDT::ERROR) fail("MSS");
  return socket;
}

UDTSOCKET connected(const char *host, int port, int mss) {
  UDTSOCKET socket = new_socket(mss);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(uint16_t(port));
  inet_pton(AF_INET, host, &address.sin_addr);
  if (UDT::connect(socket, reinterpret_cast<sockaddr *>(&address), sizeof address) == UDT::ERROR) fail("connect");
  return socket;
}

UDTSOCKET listening(const char *host, int port, int mss, sockaddr_in &address) {
  UDTSOCKET listener = new_socket(mss);
  address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(uint16_t(port));
  inet_pton(AF_INET, host, &address.sin_addr);
  int size = sizeof address;
  if (UDT::bind(listener, reinterpret_cast<sockaddr *>(&address), size) == UDT::ERROR) fail("bind");
  if (UDT::listen(listener, 10) == UDT::ERROR) fail("listen");
  UDT::getsockname(listener, reinterpret_cast<sockaddr *>(&address), &size);
  return listener;
}

UDTSOCKET accept_from(UDTSOCKET listener) {
  sockaddr_in peer;
  int size = sizeof peer;
  UDTSOCKET socket = UDT::accept(listener, reinterpret_cast<sockaddr *>(&peer), &size);
  if (socket == UDT::INVALID_SOCK) fail("accept");
  return socket;
}

UDTSOCKET accepted(int mss) {
  sockaddr_in address;
  UDTSOCKET listener = listening("127.0.0.1", 0, mss, address);
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);
  return accept_from(listener);
}

void send_all(UDTSOCKET socket, const char *bytes, int count) {
  for (int done = 0; done < count;) {
    int sent = UDT::send(socket, bytes + done, count - done, 0);
    if (sent == UDT::ERROR) fail("send");
    done += sent;
  }
}

void send_pattern(UDTSOCKET socket, long long count, uint64_t seed) {
  Generator generator(seed);
  std::vector<char> chunk;
  while (count > 0) {
    chunk.resize(size_t(count < 65536 ? count : 65536));
    for (char &byte : chunk) byte = char(generator.next());
    send_all(socket, chunk.data(), int(chunk.size()));
    count -= (long long)chunk.size();
  }
}

void receive_all(UDTSOCKET socket, bool echo) {
  std::vector<char> chunk(65536);
  long long total = 0;
  uint64_t digest = 0xcbf29ce484222325ull;
  while (true) {
    int count = UDT::recv(socket, chunk.data(), int(chunk.size()), 0);
    if (count == UDT::ERROR) break;  // an end looks like a break
    for (int i = 0; i < count; i++) digest = (digest ^ uint8_t(chunk[size_t(i)])) * 0x100000001b3ull;
    total += count;
    if (echo) send_all(socket, chunk.data(), count);
  }
  printf("%lld %llu\n", total, (unsigned long long)digest);
}

bool send_some(UDTSOCKET socket, const char *bytes, int count) {
  for (int done = 0; done < count;) {
    int sent = UDT::send(socket, bytes + done, count - done, 0);
    if (sent == UDT::ERROR) return false;
    done += sent;
  }
  return true;
}

// The head of a request or an answer, and what came with it after that. False when the connection ends before.
bool read_head(UDTSOCKET socket, std::string &head, long long &rest) {
  std::vector<char> chunk(65536);
  while (true) {
    size_t end = head.find("\r\n\r\n");
    if (end != std::string::npos) {
      rest = (long long)(head.size() - end - 4);
      head.resize(end + 4);
      return true;
    }
    int count = UDT::recv(socket, chunk.data(), int(chunk.size()), 0);
    if (count == UDT::ERROR || head.size() > 65536) return false;
    head.append(chunk.data(), size_t(count));
  }
}

int get(UDTSOCKET socket, const std::string &host, const std::string &path) {
  std::string request = "GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\nAccept: */*\r\n\r\n";
  send_all(socket, request.data(), int(request.size()));
  std::string head;
  long long total = 0, length = -1;
  if (!read_head(socket, head, total)) fail("the answer's head");
  for (char &c : head) c = char(tolower(c));
  size_t field = head.find("\r\ncontent-length:");
  if (field != std::string::npos) length = atoll(head.c_str() + field + 17);
  std::vector<char> chunk(1 << 20);
  while (length < 0 || total < length) {
    int count = UDT::recv(socket, chunk.data(), int(chunk.size()), 0);
    if (count == UDT::ERROR) break;
    total += count;
  }
  printf("%lld\n", total);
  fflush(stdout);
  return length < 0 || total == length ? 0 : 1;
}

void serve(UDTSOCKET listener, long long length) {
  std::vector<char> zeros(64 * 1456);
  char head[200];
  int size = snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %lld\r\nContent-Type: application/octet-stream\r\n\r\n", length);
  while (true) {
    UDTSOCKET socket = accept_from(listener);
    std::string request;
    long long rest = 0;
    if (read_head(socket, request, rest) && send_some(socket, head, size)) {
      for (long long left = length; left > 0;) {
        int count = int(left < (long long)zeros.size() ? left : (long long)zeros.size());
        if (!send_some(socket, zeros.data(), count)) break;
        left -= count;
      }
    }
    UDT::close(socket);
  }
}

int run(const std::vector<std::string> &words) {
  const std::string &verb = words[0];
  auto number = [&](size_t index) { return index < words.size() ? atoll(words[index].c_str()) : 0; };
  bool listens = verb.compare(0, 7, "listen-") == 0;
  std::string work = listens ? verb.substr(7) : verb;
  if (words.size() < (listens ? 2u : 4u)) return 2;
  if (verb == "serve") {
    if (words.size() < 5) return 2;
    sockaddr_in address;
    serve(listening(words[1].c_str(), int(number(2)), int(number(3)), address), number(4));
  }
  size_t next = listens ? 2 : 4;
  UDTSOCKET socket = listens ? accepted(int(number(1))) : connected(words[1].c_str(), int(number(2)), int(number(3)));
  if (work == "send") {
    send_pattern(socket, number(next), uint64_t(number(next + 1)));
  } else if (work == "receive" || work == "echo") {
    receive_all(socket, work == "echo");
  } else if (work == "get") {
    if (words.size() < 5) return 2;
    return get(socket, words[1], words[4]);
  } else if (work == "hold") {
    while (true) pause();
  } else {
    return 2;
  }
  if (UDT::close(socket) == UDT::ERROR) fail("close");
  return 0;
}

}  // namespace

int main(int count, char **values) {
  std::vector<std::string> words(values + 1, values + count);
  if (words.empty()) return 2;
  alarm(120);  // never outlives its test by much
  UDT::startup();
  int result = run(words);
  UDT::cleanup();
  return result;
}
