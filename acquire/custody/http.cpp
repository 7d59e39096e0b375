#include "acquire/custody/http.h"

#include "kanshiki/error.h"

#include <curl/curl.h>

#include <memory>

namespace kanshiki {
namespace {

struct Reply {
    std::vector<std::byte> body;
    size_t largest;
    std::stop_token stop;
};

size_t take(char* bytes, size_t one, size_t count, void* into) {
    auto& reply = *static_cast<Reply*>(into);
    const size_t size = one * count;
    if (size > reply.largest - reply.body.size()) return CURL_WRITEFUNC_ERROR;
    const auto* at = reinterpret_cast<const std::byte*>(bytes);
    reply.body.insert(reply.body.end(), at, at + size);
    return size;
}

int go_on(void* reply, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<Reply*>(reply)->stop.stop_requested() ? 1 : 0;
}

struct FreeHandle {
    void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct FreeList {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

void set_up(CURL* handle, const HttpRequest& request, Reply& reply, curl_slist* headers, char* complaint) {
    curl_easy_setopt(handle, CURLOPT_URL, request.url.c_str());
    curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(handle, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(handle, CURLOPT_MAXREDIRS, 3L);
    curl_easy_setopt(handle, CURLOPT_POSTREDIR, CURL_REDIR_POST_ALL);
    curl_easy_setopt(handle, CURLOPT_TIMEOUT, static_cast<long>(request.seconds));
    curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT, static_cast<long>(std::min(request.seconds, 20u)));
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_USERAGENT, "kanshiki");
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, &reply);
    curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, go_on);
    curl_easy_setopt(handle, CURLOPT_XFERINFODATA, &reply);
    curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, complaint);
    if (request.content_type.empty()) return;
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(handle, CURLOPT_POST, 1L);
    curl_easy_setopt(handle, CURLOPT_POSTFIELDS, reinterpret_cast<const char*>(request.body.data()));
    curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
}

} // namespace

std::vector<std::byte> http_exchange(const HttpRequest& request, std::stop_token stop) {
    static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
    const std::unique_ptr<CURL, FreeHandle> handle(ready == CURLE_OK ? curl_easy_init() : nullptr);
    if (!handle) throw Error(ExitCode::internal, "libcurl cannot be started");
    const std::unique_ptr<curl_slist, FreeList> headers(
        curl_slist_append(nullptr, ("Content-Type: " + request.content_type).c_str()));

    Reply reply{{}, request.largest_reply, stop};
    char complaint[CURL_ERROR_SIZE] = "";
    set_up(handle.get(), request, reply, headers.get(), complaint);
    const CURLcode result = curl_easy_perform(handle.get());
    if (result == CURLE_ABORTED_BY_CALLBACK) throw Error(ExitCode::interrupted, request.url + ": interrupted");
    if (result == CURLE_WRITE_ERROR)
        throw Error(ExitCode::later_step,
                    request.url + ": sent more than " + std::to_string(request.largest_reply) + " bytes");
    if (result != CURLE_OK)
        throw Error(ExitCode::later_step, request.url + ": " + (*complaint ? complaint : curl_easy_strerror(result)));
    long status = 0;
    curl_easy_getinfo(handle.get(), CURLINFO_RESPONSE_CODE, &status);
    if (status != 200)
        throw Error(ExitCode::later_step, request.url + ": answered with HTTP status " + std::to_string(status));
    return std::move(reply.body);
}

} // namespace kanshiki
