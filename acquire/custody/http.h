#pragma once
// One HTTP exchange, bounded in time and size.

#include <cstddef>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

namespace kanshiki {

struct HttpRequest {
    std::string url;               // http:// or https://; at most three redirects, to the same two
    std::string content_type = {}; // of the body; empty: a GET
    std::span<const std::byte> body = {};
    size_t largest_reply = 1024 * 1024; // bytes
    unsigned seconds = 60;              // for all of it
};

// The body of a 200 reply. Anything else is Error{later_step}: the message holds the URL and why. Error{interrupted}
// on a stop request.
std::vector<std::byte> http_exchange(const HttpRequest& request, std::stop_token stop);

} // namespace kanshiki
