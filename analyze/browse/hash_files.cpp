#include "analyze/browse/hash_files.h"

#include "analyze/filesystem/ends_run.h"
#include "kanshiki/error.h"

#include <algorithm>
#include <mutex>
#include <thread>
#include <unordered_map>

namespace kanshiki {

FileHasher::FileHasher(std::function<std::unique_ptr<FileSystem>()> open, unsigned threads, std::stop_token stop)
    : open_(std::move(open)), stop_(std::move(stop)), readers_(std::max(1u, threads)) {}

std::vector<std::shared_ptr<const FileHash>> FileHasher::hash(std::span<const ListedFile> files) {
    std::vector<Content> contents;
    std::unordered_map<uint64_t, std::shared_ptr<FileHash>> known; // by handle: a hard link is read once
    std::vector<std::shared_ptr<const FileHash>> result;
    for (const ListedFile& file : files) {
        if (file.info.type != FileType::regular || !has_own_content(file)) {
            result.push_back(nullptr);
            continue;
        }
        auto& hash = known[file.handle];
        if (!hash) {
            hash = std::make_shared<FileHash>();
            contents.push_back({file.handle, file.info.size, 0, hash});
        }
        result.push_back(hash);
    }
    each(contents, 64, &FileHasher::find);
    std::ranges::stable_sort(contents, {}, &Content::place);
    each(contents, 1, &FileHasher::read);
    return result;
}

// In their order, `at_once` at a time to each thread.
void FileHasher::each(std::vector<Content>& contents, size_t at_once, void (FileHasher::*work)(Reader&, Content&)) {
    std::atomic<size_t> next = 0;
    std::mutex mutex;
    std::exception_ptr failure;
    const auto run = [&](Reader& reader) {
        try {
            if (!reader.files) reader.files = open_();
            if (!reader.files)
                throw Error(ExitCode::source_lost, "the source has changed: a file system can no longer be opened");
            for (size_t first = next.fetch_add(at_once); first < contents.size(); first = next.fetch_add(at_once))
                for (size_t index = first; index < std::min(first + at_once, contents.size()); index++)
                    (this->*work)(reader, contents[index]);
        } catch (...) {
            const std::lock_guard lock(mutex);
            if (!failure) failure = std::current_exception();
            next = contents.size();
        }
    };
    {
        const size_t threads = std::min(readers_.size(), (contents.size() + at_once - 1) / at_once);
        std::vector<std::jthread> workers;
        for (size_t index = 1; index < threads; index++) workers.emplace_back([&, index] { run(readers_[index]); });
        if (threads > 0) run(readers_[0]);
    }
    if (failure) std::rethrow_exception(failure);
}

// Only for the order: what is wrong with its extents is told when it is read.
void FileHasher::find(Reader& reader, Content& content) {
    FileSystem& files = *reader.files;
    if (content.size == 0) return;
    try {
        for (const auto& extent : files.extents(content.handle)) {
            if (extent.sparse) continue;
            content.place = extent.range.offset;
            break;
        }
    } catch (const Error& error) {
        if (ends_run(error)) throw;
    }
    files.take_unreadable();
}

void FileHasher::read(Reader& reader, Content& content) {
    FileSystem& files = *reader.files;
    ContentResult& result = content.hash->content;
    result.failure = too_large(files, content.size);
    if (!result.failure.empty()) return;
    const auto hasher = make_hasher(DigestAlgorithm::sha256);
    result = read_content(
        files, content.handle, content.size, reader.buffer,
        [&](uint64_t, std::span<const std::byte> bytes) { hasher->update(bytes); }, stop_);
    if (result.whole()) content.hash->sha256 = to_hex(hasher->finish()); // of other bytes it would be no hash of it
}

std::vector<std::string> FileHasher::take_warnings() {
    std::vector<std::string> all;
    for (const Reader& reader : readers_)
        if (reader.files) std::ranges::move(reader.files->take_warnings(), std::back_inserter(all));
    std::ranges::sort(all);
    all.erase(std::unique(all.begin(), all.end()), all.end());
    return all;
}

} // namespace kanshiki
