#pragma once
// Lines for FileSystem::take_warnings(): each is told once, and no more than can be read.

#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

namespace kanshiki::btrfs {

class Warnings {
public:
    void add(std::string line) {
        if (told_.size() > most || !told_.insert(line).second) return;
        if (told_.size() > most) line = "more than " + std::to_string(most) + " warnings: the rest is not told";
        lines_.push_back(std::move(line));
    }
    std::vector<std::string> take() { return std::exchange(lines_, {}); }

private:
    static constexpr size_t most = 10'000;
    std::unordered_set<std::string> told_;
    std::vector<std::string> lines_;
};

} // namespace kanshiki::btrfs
