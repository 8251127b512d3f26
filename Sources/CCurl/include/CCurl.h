#ifndef CCURL_H
#define CCURL_H
#define CURL_DISABLE_TYPECHECK 1
#include <curl/curl.h>
#endif
