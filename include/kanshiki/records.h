#pragma once
// Facts read from files, without judgement, typed by their own struct. Any analyzer can look at any record type, in an
// order that does not depend on the number of threads: volumes by number, files by path, records as they were added.

#include <any>
#include <functional>
#include <map>
#include <typeindex>
#include <vector>

namespace kanshiki {

class Records {
public:
    template<class T>
    void add(T record) {
        column<T>().push_back(std::move(record));
    }

    template<class T>
    const std::vector<T>& of() const {
        static const std::vector<T> none;
        const auto found = columns_.find(typeid(T));
        return found == columns_.end() ? none : *std::any_cast<std::vector<T>>(&found->second.values);
    }

    // Moves everything of `later` behind what is here. The caller merges files in their stable order.
    void merge(Records&& later) {
        for (auto& [type, theirs] : later.columns_) {
            const auto [mine, fresh] = columns_.try_emplace(type);
            if (fresh)
                mine->second = std::move(theirs);
            else
                theirs.append(mine->second.values, theirs.values);
        }
        later.columns_.clear();
    }

private:
    struct Column {
        std::any values; // std::vector<T>
        void (*append)(std::any& to, std::any& from) = nullptr;
    };

    template<class T>
    std::vector<T>& column() {
        Column& found = columns_[typeid(T)];
        if (!found.values.has_value()) {
            found.values = std::vector<T>{};
            found.append = [](std::any& to, std::any& from) {
                auto& target = *std::any_cast<std::vector<T>>(&to);
                auto& origin = *std::any_cast<std::vector<T>>(&from);
                target.insert(target.end(), std::make_move_iterator(origin.begin()),
                              std::make_move_iterator(origin.end()));
            };
        }
        return *std::any_cast<std::vector<T>>(&found.values);
    }

    std::map<std::type_index, Column> columns_;
};

} // namespace kanshiki
