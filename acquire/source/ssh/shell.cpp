#include "acquire/source/ssh/shell.h"

namespace kanshiki::ssh {

std::string shell_quoted(std::string_view word) {
    std::string out = "'";
    for (const char c : word) {
        if (c == '\'')
            out += "'\\''";
        else
            out += c;
    }
    return out + "'";
}

std::string far_command(std::string_view script, const std::vector<std::string>& arguments, bool sudo, int nice) {
    std::string line = sudo ? "exec sudo -n " : "exec ";
    if (nice != 0) line += "nice -n " + std::to_string(nice) + " ";
    line += "sh -c ";
    line += shell_quoted(script);
    line += " kanshiki";
    for (const std::string& argument : arguments) line += " " + shell_quoted(argument);
    return line;
}

} // namespace kanshiki::ssh
