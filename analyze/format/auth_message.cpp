#include "analyze/format/auth_message.h"

#include "analyze/format/lines.h"

#include <algorithm>

namespace kanshiki::format {

namespace {

constexpr uint64_t most_times = 1'000'000; // a number from outside

bool take(std::string_view& text, std::string_view prefix) {
    if (!text.starts_with(prefix)) return false;
    text.remove_prefix(prefix.size());
    return true;
}

bool is_address(std::string_view text) {
    return !text.empty() && text.size() <= 255 && std::all_of(text.begin(), text.end(), [](char c) {
        return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               std::string_view(".:%-_").find(c) != std::string_view::npos;
    });
}

// "USER from ADDRESS port N[ ssh2[: KEY]]", from the end: the last " from " that an address and a port follow.
bool take_origin(std::string_view text, AuthMessage& result, std::string_view& user) {
    const size_t from = text.rfind(" from ");
    if (from == text.npos) return false;
    user = text.substr(0, from);
    std::string_view rest = text.substr(from + 6);
    const std::string_view address = take_word(rest);
    if (!is_address(address)) return false;
    result.address = address;
    std::string_view word = take_word(rest);
    if (word == "port") {
        result.port = static_cast<uint16_t>(decimal(take_word(rest)).value_or(0));
        word = take_word(rest);
    }
    if (word == "ssh2:" || word == "ssh2") rest = trim(rest);
    if (word == "ssh2:" && !rest.empty()) result.method += " " + std::string(rest.substr(0, 120));
    return true;
}

std::optional<AuthMessage> parse_sshd(std::string_view text) {
    AuthMessage result;
    if (std::string_view rest = text; take(rest, "message repeated ")) {
        const auto times = decimal(take_word(rest));
        if (!times || !take(rest, " times: [ ") || !rest.ends_with(']')) return std::nullopt;
        rest.remove_suffix(1);
        auto inner = rest.starts_with("message repeated ") ? std::nullopt : parse_sshd(trim(rest));
        if (inner) inner->times = std::clamp<uint64_t>(*times, 1, most_times);
        return inner;
    }
    const bool accepted = take(text, "Accepted ");
    std::string_view user;
    if (accepted || take(text, "Failed ")) {
        result.kind = accepted ? AuthKind::accepted : AuthKind::failed;
        result.method = take_word(text);
        if (!take(text, " for ")) return std::nullopt;
        result.unknown_user = take(text, "invalid user ");
    } else if (take(text, "Invalid user ")) {
        result.kind = AuthKind::invalid_user;
        result.unknown_user = true;
    } else {
        return std::nullopt;
    }
    if (!take_origin(text, result, user)) return std::nullopt;
    result.user = user.substr(0, 256);
    return result;
}

// "   alice : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/sh"
std::optional<AuthMessage> parse_sudo(std::string_view text) {
    const size_t colon = text.find(" : "), command = text.find(" ; COMMAND=");
    if (colon == text.npos || command == text.npos || command < colon) return std::nullopt;
    AuthMessage result;
    result.kind = AuthKind::sudo;
    result.actor = trim(text.substr(0, colon)).substr(0, 256);
    if (const size_t user = text.find(" ; USER="); user != text.npos && user < command)
        result.user = text.substr(user + 8, text.find(" ;", user + 8) - user - 8).substr(0, 256);
    result.detail = text.substr(command + 11, 1024);
    return result;
}

// "(to root) alice on pts/1" and "FAILED SU (to root) alice on pts/1"
std::optional<AuthMessage> parse_su(std::string_view text) {
    AuthMessage result;
    result.kind = take(text, "FAILED SU ") ? AuthKind::su_failed : AuthKind::su;
    if (!take(text, "(to ")) return std::nullopt;
    const size_t close = text.find(") "), on = text.rfind(" on ");
    if (close == text.npos || on == text.npos || on < close + 2) return std::nullopt;
    result.user = text.substr(0, close).substr(0, 256);
    result.actor = text.substr(close + 2, on - close - 2).substr(0, 256);
    return result;
}

// shadow-utils: "new user: name=x, UID=0, …", "change user 'x' …", "password changed for x", "delete user 'x'"
std::optional<AuthMessage> parse_account_tool(std::string_view text) {
    AuthMessage result;
    result.detail = text.substr(0, 1024);
    if (take(text, "new user: name=")) {
        result.kind = AuthKind::account_created;
        result.user = text.substr(0, text.find(',')).substr(0, 256);
        return result;
    }
    for (const std::string_view prefix : {"change user '", "delete user '", "add '"})
        if (take(text, prefix)) {
            result.kind = AuthKind::account_changed;
            result.user = text.substr(0, text.find('\'')).substr(0, 256);
            return result;
        }
    // passwd through PAM says "pam_unix(passwd:chauthtok): password changed for x"
    const size_t changed = text.find("password changed for ");
    if (changed == text.npos) return std::nullopt;
    result.kind = AuthKind::password_changed;
    result.user = trim(text.substr(changed + 21)).substr(0, 256);
    return result;
}

} // namespace

std::optional<AuthMessage> parse_auth_message(std::string_view program, std::string_view message) {
    if (program == "sshd" || program == "sshd-session") return parse_sshd(message);
    if (program == "sudo") return parse_sudo(message);
    if (program == "su") return parse_su(message);
    for (const std::string_view tool : {"useradd", "usermod", "userdel", "adduser", "passwd", "chpasswd", "groupadd"})
        if (program == tool) return parse_account_tool(message);
    return std::nullopt;
}

} // namespace kanshiki::format
