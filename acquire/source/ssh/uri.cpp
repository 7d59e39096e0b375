#include "acquire/source/ssh/uri.h"

#include "kanshiki/error.h"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <optional>

namespace kanshiki::ssh {

namespace {

constexpr std::string_view scheme = "ssh://";
constexpr std::string_view form = "expected ssh://[user@]host[:port]/path";

// The URI is not repeated in the message: it may hold a password.
[[noreturn]] void refuse(const std::string& what) { throw Error{ExitCode::usage, "ssh source: " + what}; }

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

// RFC 3986 section 2.1. A decoded control character is refused: no device needs one, and a newline would tear the
// line-wise answers of the far side.
std::string percent_decoded(std::string_view text, const char* part) {
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
        char c = text[i];
        if (c == '%') {
            const int high = i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
            const int low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
            if (high < 0 || low < 0)
                refuse(std::string("a % in the ") + part +
                       " is not followed by two hex digits; write a plain % as %25");
            c = static_cast<char>(high * 16 + low);
            i += 2;
        }
        if (is_control(c)) refuse(std::string("a control character in the ") + part);
        out += c;
    }
    return out;
}

// The user reaches a shell through %r of a ProxyCommand, so the characters that OpenSSH refuses there are refused.
std::string checked_user(std::string_view text) {
    if (text.find(':') != text.npos)
        refuse("a password in the URI is not taken: it would end up in the records; use a key or an agent");
    std::string user = percent_decoded(text, "user");
    if (user.empty()) refuse("the user before @ is empty; " + std::string(form));
    if (user.front() == '-') refuse("the user may not start with '-'");
    if (user.size() > 256 || user.find_first_of("'`\";&<>|(){}$ ") != user.npos || user.back() == '\\')
        refuse("the user holds a character that a shell would interpret");
    return user;
}

uint16_t checked_port(std::string_view text) {
    uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc{} || end != text.data() + text.size() || port == 0)
        refuse("the port is not a number from 1 to 65535");
    return port;
}

// An IPv6 address, with a zone (RFC 6874: %25 before it) for link-local ones.
std::string checked_ipv6(std::string_view text) {
    const std::string whole = percent_decoded(text, "address");
    const std::string address = whole.substr(0, whole.find('%'));
    const std::string zone = whole.substr(std::min(whole.size(), address.size() + 1));
    in6_addr parsed{};
    if (inet_pton(AF_INET6, address.c_str(), &parsed) != 1) refuse("what stands in [ ] is not an IPv6 address");
    const auto plain = [](char c) {
        return isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '_' || c == '-';
    };
    if (whole.size() != address.size() && (zone.empty() || !std::all_of(zone.begin(), zone.end(), plain)))
        refuse("the zone of the IPv6 address is malformed");
    return whole;
}

std::string checked_host(std::string_view text) {
    if (text.empty()) refuse("there is no host; " + std::string(form));
    if (text.front() == '-') refuse("the host may not start with '-'");
    const auto plain = [](char c) {
        return isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '_' || c == '-';
    };
    if (text.size() > 255 || !std::all_of(text.begin(), text.end(), plain))
        refuse("the host holds a character that no host name has; an IPv6 address goes into [ ]");
    return std::string(text);
}

} // namespace

Uri parse_uri(std::string_view text) {
    if (!text.starts_with(scheme)) refuse(std::string(form));
    text.remove_prefix(scheme.size());
    if (text.size() > 8192) refuse("the URI is longer than 8192 bytes");
    const size_t slash = text.find('/');
    if (slash == text.npos) refuse("there is no path to a device; " + std::string(form));
    std::string_view authority = text.substr(0, slash);
    const std::string_view path = text.substr(slash);

    Uri uri;
    if (const size_t at = authority.rfind('@'); at != authority.npos) {
        uri.user = checked_user(authority.substr(0, at));
        authority.remove_prefix(at + 1);
    }
    std::string_view port;
    bool has_port = false;
    if (authority.starts_with('[')) {
        const size_t close = authority.find(']');
        if (close == authority.npos) refuse("the [ before an IPv6 address is not closed");
        uri.host = checked_ipv6(authority.substr(1, close - 1));
        const std::string_view rest = authority.substr(close + 1);
        has_port = !rest.empty();
        if (has_port && rest.front() != ':') refuse("after ] only :port may come");
        if (has_port) port = rest.substr(1);
    } else {
        const size_t colon = authority.find(':');
        has_port = colon != authority.npos;
        if (has_port) port = authority.substr(colon + 1);
        uri.host = checked_host(authority.substr(0, colon));
    }
    if (has_port) uri.port = checked_port(port);

    if (path.find_first_of("?#") != path.npos) refuse("a ? or # in the path; write it as %3F or %23");
    uri.path = percent_decoded(path, "path");
    if (uri.path.find_first_not_of('/') == uri.path.npos) refuse("there is no path to a device; " + std::string(form));
    if (uri.path.size() > 4095) refuse("the path is longer than 4095 bytes");
    return uri;
}

} // namespace kanshiki::ssh
