#include "analyze/format/shell_command.h"

#include "analyze/format/lines.h"

#include <algorithm>
#include <array>
#include <utility>

namespace kanshiki::format {

namespace {

class Scanner {
public:
    explicit Scanner(std::string_view text) : text_(text.substr(0, 64 << 10)) {
        line_.complete = text_.size() == text.size();
    }

    ShellLine scan() {
        open(SimpleCommand::Link::sequence);
        while (at_ < text_.size() && line_.complete) step();
        end_word();
        return std::move(line_);
    }

private:
    void open(SimpleCommand::Link link) {
        end_word();
        if (line_.commands.size() == 256) {
            line_.complete = false;
            return;
        }
        SimpleCommand command;
        command.link = link;
        command.parent = current_;
        line_.commands.push_back(std::move(command));
        current_ = line_.commands.size() - 1;
    }
    void end_word() {
        if (in_word_) line_.commands[current_].words.push_back(std::move(word_));
        word_.clear();
        in_word_ = false;
    }
    void put(char c) {
        word_ += c;
        in_word_ = true;
    }
    bool next_is(char c) const { return at_ + 1 < text_.size() && text_[at_ + 1] == c; }

    void substitute(char closer, size_t skip) {
        // The words so far stay with the outer command; after the end its words go on.
        end_word();
        returns_.push_back({current_, closer, quoted_});
        quoted_ = false;
        open(SimpleCommand::Link::substitution);
        at_ += skip;
    }
    bool end_substitution(char c) {
        if (returns_.empty() || returns_.back().closer != c) return false;
        end_word();
        current_ = returns_.back().command;
        quoted_ = returns_.back().quoted;
        returns_.pop_back();
        ++at_;
        return true;
    }

    void step() {
        const char c = text_[at_];
        if (c == '\\' && at_ + 1 < text_.size()) {
            if (text_[at_ + 1] != '\n') put(text_[at_ + 1]);
            at_ += 2;
        } else if (c == '$' && next_is('(')) {
            substitute(')', 2);
        } else if (c == '`') {
            if (!end_substitution('`')) substitute('`', 1);
        } else if (c == '"') {
            quoted_ = !quoted_;
            in_word_ = true;
            ++at_;
        } else if (quoted_) {
            put(c);
            ++at_;
        } else if (c == '\'') {
            const size_t end = std::min(text_.find('\'', at_ + 1), text_.size());
            word_ += text_.substr(at_ + 1, end - at_ - 1);
            in_word_ = true;
            at_ = std::min(end + 1, text_.size());
        } else {
            operator_or_text(c);
        }
    }

    void operator_or_text(char c) {
        using Link = SimpleCommand::Link;
        if (c == ')' && end_substitution(')')) return;
        if (c == '<' && next_is('(')) return substitute(')', 2);
        if (is_blank(c)) {
            end_word();
        } else if (c == '#' && !in_word_) {
            at_ = std::min(text_.find('\n', at_), text_.size());
            return;
        } else if (c == '|' && !next_is('|')) {
            open(Link::pipe);
            // NOLINTNEXTLINE(bugprone-branch-clone): done for another reason than in the last branch
        } else if (c == '&' && (next_is('>') || (!word_.empty() && (word_.back() == '>' || word_.back() == '<')))) {
            put(c); // 2>&1, &>file
        } else if (c == ';' || c == '\n' || c == '&' || c == '|' || c == '(' || c == ')') {
            if (next_is(c)) ++at_;
            open(Link::sequence);
        } else if ((c == '{' || c == '}') && !in_word_ && (at_ + 1 == text_.size() || is_blank(text_[at_ + 1]))) {
            open(Link::sequence);
        } else {
            put(c);
        }
        ++at_;
    }

    struct Return {
        size_t command;
        char closer;
        bool quoted;
    };
    std::string_view text_;
    size_t at_ = 0, current_ = 0;
    bool quoted_ = false, in_word_ = false;
    std::string word_;
    std::vector<Return> returns_;
    ShellLine line_;
};

bool is_assignment(std::string_view word) {
    const size_t equals = word.find('=');
    return equals != std::string_view::npos && equals > 0 && !is_digit(word.front()) &&
           std::all_of(word.begin(), word.begin() + static_cast<std::ptrdiff_t>(equals), [](char c) {
               return is_digit(c) || c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
           });
}

} // namespace

ShellLine parse_shell_line(std::string_view text) { return Scanner(text).scan(); }

size_t program_index(const SimpleCommand& command) {
    static constexpr std::array starters{"env",     "nohup",
                                         "setsid",  "sudo",
                                         "doas",    "exec",
                                         "nice",    "ionice",
                                         "time",    "command",
                                         "builtin", "then",
                                         "do",      "else",
                                         "if",      "elif",
                                         "while",   "until",
                                         "!",       "timeout",
                                         "stdbuf",  "chroot",
                                         "flock",   "busybox",
                                         "runuser", "start-stop-daemon"};
    size_t index = 0;
    bool behind_starter = false, skip_operand = false;
    for (; index < command.words.size(); ++index) {
        const std::string_view word = command.words[index];
        if (is_assignment(word)) continue;
        if (behind_starter) {
            if (word.starts_with('-') || (!word.empty() && is_digit(word.front()))) continue;
            const std::string_view before = command.words[index - 1];
            if (before == "-u" || before == "-g" || before == "--user" || before == "--group") continue;
            if (std::exchange(skip_operand, false)) continue;
        }
        const std::string_view base = word.substr(word.rfind('/') + 1);
        if (std::find(starters.begin(), starters.end(), base) == starters.end()) break;
        behind_starter = true;
        skip_operand = base == "flock" || base == "chroot"; // the lock file, the new root
    }
    return index;
}

} // namespace kanshiki::format
