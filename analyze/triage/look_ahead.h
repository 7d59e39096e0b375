#pragma once
// Directories read before the walk needs them, by threads of its own: nearest in the order of the walk first, and only
// as much as may be held. It decides nothing: what the walk never asks for is dropped.

#include "analyze/triage/listed_directory.h"

#include <condition_variable>
#include <list>
#include <mutex>
#include <set>
#include <thread>
#include <unordered_set>

namespace kanshiki {

class LookAhead {
public:
    struct Directory : std::enable_shared_from_this<Directory> {
        Directory(uint64_t handle_, size_t depth_, size_t path_size_)
            : handle(handle_), depth(depth_), path_size(path_size_) {}
        const uint64_t handle;
        const size_t depth, path_size; // the root is 1 deep
        ListedDirectory listed;        // the reader's while it is read, the walk's when it is ready

    private:
        friend LookAhead;
        enum class State : uint8_t {
            waiting,   // for the walk: nobody else reads it
            listing,   // somebody reads its names
            piecewise, // its inodes are being read
            ready
        };
        State state = State::waiting;
        size_t next_piece = 0;
        size_t open_pieces = 0;
        std::exception_ptr failure;
        size_t next_enterable = 0; // from here on nobody has begun a subdirectory
        std::deque<std::pair<uint32_t, std::shared_ptr<Directory>>> begun; // by name: subdirectories, ascending
        std::optional<std::list<Directory*>::iterator> place;              // in order_
        bool dropped = false;
        uint64_t held = 0;
    };
    using Pointer = std::shared_ptr<Directory>;

    LookAhead(FileSystem& own, const OpenAgain& again, const WalkOptions& options, std::stop_token stop);
    LookAhead(const LookAhead&) = delete;
    LookAhead& operator=(const LookAhead&) = delete;
    ~LookAhead(); // waits for its threads

    // For the walk's thread alone, in the order of the walk:
    Pointer top(uint64_t handle, size_t path_size);
    Pointer given(const std::vector<DirectoryEntry>& entries, size_t path_size); // only its inodes are still to be read
    Pointer enter(Directory& parent, uint32_t name);                             // one of its enterable ones, ascending
    void await(Directory& directory); // until it is ready, helping; throws what ended its reading
    void leave(Directory& directory); // it and what was begun below it are no longer needed

    // After all threads are done: what the file systems warned of, sorted; `more`: there were others.
    std::vector<std::string> finish(bool& more);

private:
    using State = Directory::State;
    struct Task {
        Pointer directory;
        std::optional<size_t> piece; // else its names
        bool given_up = false;
        std::exception_ptr failure;
    };
    struct GivenUp {};

    void work();
    std::optional<Task> pick();
    std::optional<Task> take(Directory& directory);
    void perform(Task& task, FileSystem& files, std::unique_lock<std::mutex>& lock);
    void run(Task& task, FileSystem& files);
    void settle(Task& task);
    void become_ready(Directory& directory);
    void grown(Directory& directory);
    void account(Directory& directory, uint64_t bytes);
    void put_first(Directory& directory);
    void remove(Directory& directory);
    void drop(Directory& directory);
    void wake_workers();
    void stop_workers();
    void collect(FileSystem& files);

    FileSystem& own_;
    const OpenAgain& again_;
    const WalkOptions& options_;
    const WalkLimits& limits_;
    const bool recursive_;
    const std::stop_token stop_;
    const unsigned threads_;

    std::mutex mutex_; // of all below, and of the private part of every Directory
    std::condition_variable work_, ready_;
    unsigned sleeping_ = 0;
    std::list<Directory*> order_; // with work left, in the order of the walk
    std::unordered_set<uint64_t> begun_;
    std::set<std::string> warnings_;
    uint64_t warned_ = 0; // bytes
    bool more_warnings_ = false;
    Directory* wanted_ = nullptr; // the walk waits for it
    uint64_t held_ = 0;
    bool stopping_ = false;
    std::vector<std::jthread> workers_;
};

} // namespace kanshiki
