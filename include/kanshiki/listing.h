#pragma once
// Names met by a walk, and many of them in little memory.

#include "kanshiki/file_system.h"

#include <deque>
#include <memory>
#include <vector>

namespace kanshiki {

// One name met by the walk.
struct ListedFile {
    unsigned volume = 0;
    FileType name_type = FileType::unknown; // what the directory says; info.type is what the inode says
    bool deleted = false;                   // the name
    bool orphan = false; // no directory names it: path is /$OrphanFiles/…, which libtsk's tools say too
    uint64_t handle = 0; // what FileSystem::stat and read take; 0: the name points nowhere
    std::string path;    // bytes as stored
    FileInfo info;
    Certainty certainty = Certainty::certain; // of a deleted name
    bool known = true;                        // the inode could be read; else info says nothing
};

// Keeps about 60 bytes and the last part of the name for each; a path is put together when it is asked for. What is
// given in the order of a walk takes least. Reading is thread-safe while nothing is added.
class Listing {
public:
    void push_back(const ListedFile& file);
    size_t size() const { return records_.size(); }
    bool empty() const { return records_.empty(); }
    ListedFile operator[](size_t index) const;
    uint64_t memory() const; // bytes held

    class iterator {
    public:
        using iterator_category = std::input_iterator_tag;
        using value_type = ListedFile;
        using difference_type = std::ptrdiff_t;
        using pointer = const ListedFile*;
        using reference = const ListedFile&;

        iterator(const Listing& listing, size_t index) : listing_(&listing), index_(index) {}
        reference operator*() {
            if (at_ != index_) listing_->get(at_ = index_, file_, folder_, folder_size_);
            return file_;
        }
        pointer operator->() { return &**this; }
        iterator& operator++() { return ++index_, *this; }
        bool operator==(const iterator& other) const { return index_ == other.index_; }

    private:
        const Listing* listing_;
        size_t index_, at_ = SIZE_MAX;
        ListedFile file_; // valid until the next step
        uint32_t folder_ = 0;
        size_t folder_size_ = 0;
    };
    iterator begin() const { return {*this, 0}; }
    iterator end() const { return {*this, size()}; }

private:
    // A directory: the part of its path below the parent's. Number 0 is the empty path.
    struct Folder {
        uint32_t parent = 0;
        std::string_view name; // with its leading '/'
    };
    struct Open { // of the last path given, from the root down
        uint32_t folder = 0;
        size_t size = 0; // of its path
    };
    uint32_t folder_of(std::string_view path);
    std::string_view keep(std::string_view bytes);
    void append_path(uint32_t folder, std::string& path) const;
    // folder and folder_size: of the path that file.path holds already.
    void get(size_t index, ListedFile& file, uint32_t& folder, size_t& folder_size) const;

    std::deque<const char*> records_;
    std::deque<Folder> folders_{Folder{}};
    std::vector<std::unique_ptr<char[]>> blocks_;
    char* block_end_ = nullptr; // of the last block
    size_t free_ = 0;           // bytes left of it
    uint64_t held_ = 0;
    std::vector<Open> open_{Open{}};
    std::string last_folder_; // its path
    std::string record_;      // being put together
};

} // namespace kanshiki
