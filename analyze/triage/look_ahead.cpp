#include "analyze/triage/look_ahead.h"

#include "kanshiki/error.h"

#include <algorithm>

namespace kanshiki {
namespace {

constexpr uint64_t most_warned = 16 * 1024 * 1024; // bytes
constexpr uint64_t each_directory = 512;           // what holding one costs besides its names

unsigned number_of_threads(unsigned asked) {
    return asked != 0 ? asked : std::max(1u, std::thread::hardware_concurrency());
}

Error interrupted() { return {ExitCode::interrupted, "interrupted while listing files; nothing was written"}; }

} // namespace

LookAhead::LookAhead(FileSystem& own, const OpenAgain& again, const WalkOptions& options, std::stop_token stop)
    : own_(own), again_(again), options_(options), limits_(options.limits), recursive_(options.recursive),
      stop_(std::move(stop)), threads_(again ? number_of_threads(options.threads) : 1) {
    for (unsigned index = 1; index < threads_ && recursive_; index++) workers_.emplace_back([this] { work(); });
}

LookAhead::~LookAhead() { stop_workers(); }

void LookAhead::stop_workers() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    work_.notify_all();
    workers_.clear();
}

// ---- what the walk asks for

LookAhead::Pointer LookAhead::top(uint64_t handle, size_t path_size) {
    auto directory = std::make_shared<Directory>(handle, 1, path_size);
    const std::lock_guard lock(mutex_);
    begun_.insert(handle);
    put_first(*directory);
    return directory;
}

LookAhead::Pointer LookAhead::given(const std::vector<DirectoryEntry>& entries, size_t path_size) {
    auto directory = std::make_shared<Directory>(0, 1, path_size);
    for (const DirectoryEntry& entry : entries) add_name(directory->listed, entry);
    arrange(directory->listed);
    const std::lock_guard lock(mutex_);
    directory->state = State::piecewise;
    directory->open_pieces = directory->listed.pieces.size();
    account(*directory, directory->listed.memory());
    put_first(*directory);
    wake_workers();
    return directory;
}

LookAhead::Pointer LookAhead::enter(Directory& parent, uint32_t name) {
    const std::lock_guard lock(mutex_);
    auto& begun = parent.begun;
    for (; !begun.empty() && begun.front().first < name; begun.pop_front()) drop(*begun.front().second);
    if (!begun.empty() && begun.front().first == name) {
        Pointer found = std::move(begun.front().second);
        begun.pop_front();
        return found;
    }
    const auto& enterable = parent.listed.enterable;
    while (parent.next_enterable < enterable.size() && enterable[parent.next_enterable] <= name)
        parent.next_enterable++;
    const auto& entry = parent.listed.names[name];
    auto directory = std::make_shared<Directory>(entry.handle, parent.depth + 1, parent.path_size + 1 + entry.size);
    if (threads_ > 1) begun_.insert(entry.handle);
    put_first(*directory);
    return directory;
}

void LookAhead::await(Directory& directory) {
    std::unique_lock lock(mutex_);
    while (directory.state != State::ready) {
        if (stop_.stop_requested()) throw interrupted();
        wanted_ = &directory;
        std::optional<Task> task = take(directory);
        if (!task && threads_ > 1) task = pick();
        if (!task) {
            ready_.wait(lock);
            continue;
        }
        perform(*task, own_, lock);
    }
    wanted_ = nullptr;
    const bool full = held_ >= limits_.look_ahead;
    account(directory, 0); // the walk's now
    if (full && held_ < limits_.look_ahead) wake_workers();
    if (directory.failure) std::rethrow_exception(directory.failure);
}

void LookAhead::leave(Directory& directory) {
    const std::lock_guard lock(mutex_);
    drop(directory);
}

std::vector<std::string> LookAhead::finish(bool& more) {
    stop_workers();
    collect(own_);
    more = more_warnings_;
    return {warnings_.begin(), warnings_.end()};
}

// ---- the threads

void LookAhead::work() {
    std::unique_ptr<FileSystem> files;
    try {
        files = again_();
        if (!files) return;       // the walk goes on without this thread
        files->take_unreadable(); // of opening it: the walk has told
    } catch (...) {
        return; // likewise; what is wrong meets the walk too
    }
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        std::optional<Task> task = pick();
        if (!task) {
            sleeping_++;
            work_.wait(lock);
            sleeping_--;
            continue;
        }
        perform(*task, *files, lock);
    }
}

void LookAhead::perform(Task& task, FileSystem& files, std::unique_lock<std::mutex>& lock) {
    Directory& directory = *task.directory;
    lock.unlock();
    run(task, files);
    collect(files);
    lock.lock();
    settle(task);
    const bool last = task.piece && --directory.open_pieces == 0;
    if (last && !directory.dropped) {
        lock.unlock();
        complete(directory.listed);
        lock.lock();
        if (!directory.dropped) become_ready(directory);
    }
    if (wanted_ == &directory) ready_.notify_one();
}

// The nearest piece of work, if as much as may be held is not held yet.
std::optional<LookAhead::Task> LookAhead::pick() {
    if (stopping_) return {};
    if (wanted_ != nullptr && wanted_->state == State::piecewise)
        if (auto task = take(*wanted_)) return task;
    if (held_ >= limits_.look_ahead) return {};
    for (auto each = order_.begin(); each != order_.end();) {
        Directory& directory = **each++;
        if (directory.state == State::piecewise) {
            if (auto task = take(directory)) return task;
            continue;
        }
        if (directory.state != State::ready) continue;
        const auto& enterable = directory.listed.enterable;
        while (directory.next_enterable < enterable.size()) {
            const uint32_t index = enterable[directory.next_enterable++];
            const auto& name = directory.listed.names[index];
            if (!begun_.insert(name.handle).second) continue; // a loop or a second link: the walk decides
            auto begun =
                std::make_shared<Directory>(name.handle, directory.depth + 1, directory.path_size + 1 + name.size);
            begun->place = order_.insert(*directory.place, begun.get());
            begun->state = State::listing;
            directory.begun.emplace_back(index, begun);
            if (directory.next_enterable == enterable.size()) remove(directory);
            return Task{begun, {}, false, {}};
        }
        remove(directory);
    }
    return {};
}

// What of this one nobody does yet.
std::optional<LookAhead::Task> LookAhead::take(Directory& directory) {
    if (directory.state == State::waiting) {
        directory.state = State::listing;
        return Task{directory.shared_from_this(), {}, false, {}};
    }
    if (directory.state == State::piecewise && directory.next_piece < directory.listed.pieces.size())
        return Task{directory.shared_from_this(), directory.next_piece++, false, {}};
    return {};
}

void LookAhead::run(Task& task, FileSystem& files) {
    Directory& directory = *task.directory;
    ListedDirectory& listed = directory.listed;
    try {
        if (task.piece) {
            read_inodes(files, options_, directory.path_size, listed, *task.piece);
            return;
        }
        read_names(files, directory.handle, limits_, listed, [&] { grown(directory); });
        arrange(listed);
        if (listed.pieces.size() > 1) return;
        read_inodes(files, options_, directory.path_size, listed, 0);
        complete(listed);
    } catch (const GivenUp&) {
        task.given_up = true;
        files.take_unreadable(); // is met again
    } catch (...) {
        task.failure = std::current_exception();
    }
}

// While names are read: gives up what is too much to hold before its turn.
void LookAhead::grown(Directory& directory) {
    if (stop_.stop_requested()) throw interrupted();
    const std::lock_guard lock(mutex_);
    if (wanted_ == &directory) return;
    if (directory.dropped || stopping_) throw GivenUp();
    account(directory, directory.listed.memory());
    if (held_ > 2 * limits_.look_ahead) throw GivenUp();
}

void LookAhead::settle(Task& task) {
    Directory& directory = *task.directory;
    if (task.failure && !directory.failure) directory.failure = task.failure;
    if (directory.dropped || task.piece) return;
    if (task.given_up) {
        directory.listed = {};
        account(directory, 0);
        directory.state = State::waiting;
    } else if (directory.listed.pieces.size() > 1 && !task.failure) {
        directory.state = State::piecewise;
        directory.open_pieces = directory.listed.pieces.size();
        account(directory, directory.listed.memory());
        wake_workers();
    } else {
        become_ready(directory);
    }
}

void LookAhead::become_ready(Directory& directory) {
    directory.state = State::ready;
    account(directory, directory.listed.memory() + each_directory);
    const bool leaf =
        directory.listed.enterable.empty() || !recursive_ || directory.depth >= limits_.depth || directory.failure;
    if (leaf) remove(directory);
    if (leaf || threads_ == 1) return;
    wake_workers();
}

void LookAhead::account(Directory& directory, uint64_t bytes) {
    held_ += bytes - directory.held; // modulo 2^64
    directory.held = bytes;
}

// The walk is there: nothing with work left comes before it.
void LookAhead::put_first(Directory& directory) { directory.place = order_.insert(order_.begin(), &directory); }

void LookAhead::remove(Directory& directory) {
    if (directory.place) order_.erase(*directory.place);
    directory.place.reset();
}

void LookAhead::drop(Directory& directory) {
    remove(directory);
    directory.dropped = true;
    for (const auto& [name, below] : directory.begun) drop(*below);
    directory.begun.clear();
    account(directory, 0);
}

void LookAhead::wake_workers() {
    if (sleeping_ > 0) work_.notify_all();
    if (wanted_ != nullptr) ready_.notify_one(); // it helps
}

void LookAhead::collect(FileSystem& files) {
    for (std::string& warning : files.take_warnings()) {
        const std::lock_guard lock(mutex_);
        const uint64_t size = warning.size();
        if (warnings_.insert(std::move(warning)).second) warned_ += size;
        for (; warned_ > most_warned; more_warnings_ = true) { // the same ones are kept, in whatever order they came
            warned_ -= std::prev(warnings_.end())->size();
            warnings_.erase(std::prev(warnings_.end()));
        }
    }
}

} // namespace kanshiki
