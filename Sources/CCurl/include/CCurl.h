// libcurl's variadic calls with fixed arguments: Swift cannot call variadic C functions.
#ifndef CCURL_H
#define CCURL_H
#define CURL_DISABLE_TYPECHECK 1
#include <curl/curl.h>

typedef size_t (*parcel_curl_data_callback)(char *data, size_t size, size_t count, void *context);
typedef int (*parcel_curl_debug_callback)(CURL *handle, curl_infotype type, char *data, size_t size,
                                          void *context);

CURLcode parcel_curl_set_long(CURL *handle, CURLoption option, long value);
/// libcurl copies the text; NULL takes the option back.
CURLcode parcel_curl_set_string(CURL *handle, CURLoption option, const char *value);
CURLcode parcel_curl_set_pointer(CURL *handle, CURLoption option, void *value);
CURLcode parcel_curl_set_list(CURL *handle, CURLoption option, struct curl_slist *value);
CURLcode parcel_curl_set_data_callback(CURL *handle, CURLoption option, parcel_curl_data_callback value);
CURLcode parcel_curl_set_debug_callback(CURL *handle, parcel_curl_debug_callback value);

CURLMcode parcel_curl_multi_set_long(CURLM *multi, CURLMoption option, long value);

/// Handles with this share have a connection cache of their own. NULL when there is no memory.
CURLSH *parcel_curl_connection_share(void);

/// Each returns 0 when libcurl does not know the answer.
long parcel_curl_get_long(CURL *handle, CURLINFO info);
curl_off_t parcel_curl_get_offset(CURL *handle, CURLINFO info);
/// What CURLOPT_CERTINFO collected; belongs to the handle. NULL when there is nothing.
struct curl_certinfo *parcel_curl_get_certificates(CURL *handle);

/// The pause answer of a write callback, an expression Swift does not import.
static const size_t parcel_curl_pause = CURL_WRITEFUNC_PAUSE;
#endif
