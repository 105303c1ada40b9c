// libcurl, and typed doors to its variadic functions, which Swift does not import.
#ifndef LEADROUTER_CLIBCURL_SHIM_H
#define LEADROUTER_CLIBCURL_SHIM_H

// The checks are macros over literal options; the options here are arguments.
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

typedef size_t (*lr_curl_transfer_callback)(char *bytes, size_t size, size_t count, void *context);

static inline CURLcode lr_curl_set_long(CURL *easy, CURLoption option, long value) {
    return curl_easy_setopt(easy, option, value);
}

static inline CURLcode lr_curl_set_offset(CURL *easy, CURLoption option, curl_off_t value) {
    return curl_easy_setopt(easy, option, value);
}

/// libcurl copies the string.
static inline CURLcode lr_curl_set_string(CURL *easy, CURLoption option, const char *value) {
    return curl_easy_setopt(easy, option, value);
}

/// libcurl keeps the pointer; except for CURLOPT_COPYPOSTFIELDS, whose bytes it copies.
static inline CURLcode lr_curl_set_pointer(CURL *easy, CURLoption option, const void *value) {
    return curl_easy_setopt(easy, option, value);
}

/// libcurl keeps the list.
static inline CURLcode lr_curl_set_list(
    CURL *easy, CURLoption option, struct curl_slist *value) {
    return curl_easy_setopt(easy, option, value);
}

static inline CURLcode lr_curl_set_callback(
    CURL *easy, CURLoption option, lr_curl_transfer_callback value) {
    return curl_easy_setopt(easy, option, value);
}

/// An answer other than 0 ends the transfer.
static inline CURLcode lr_curl_set_progress_callback(CURL *easy, curl_xferinfo_callback value) {
    return curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, value);
}

static inline CURLcode lr_curl_get_long(CURL *easy, CURLINFO info, long *value) {
    return curl_easy_getinfo(easy, info, value);
}

static inline CURLcode lr_curl_get_pointer(CURL *easy, CURLINFO info, char **value) {
    return curl_easy_getinfo(easy, info, value);
}

static inline CURLMcode lr_curl_multi_set_long(CURLM *multi, CURLMoption option, long value) {
    return curl_multi_setopt(multi, option, value);
}

/// The ended transfer of a message; a union, which Swift would import as unsafe storage.
static inline CURLcode lr_curl_message_result(const CURLMsg *message) {
    return message->data.result;
}

#endif
