#pragma once
// Command lines for the far side.

#include <string>
#include <string_view>
#include <vector>

namespace kanshiki::ssh {

// In single quotes, so that sh, bash, dash, ksh, zsh, csh and fish take it as one word.
std::string shell_quoted(std::string_view word);

// What sshd hands to the login shell: `exec [sudo -n] [nice -n N] sh -c 'script' kanshiki 'arg' …`. Of the login shell
// only this is assumed: it knows exec, and single quotes with '\'' for a quote. For csh and fish the script must be one
// line and hold no backslash; arguments with backslashes want a POSIX login shell.
std::string far_command(std::string_view script, const std::vector<std::string>& arguments, bool sudo, int nice = 0);

} // namespace kanshiki::ssh
