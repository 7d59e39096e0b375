#pragma once
// An image that grows in segments: NAME.partial.E01, NAME.partial.E02 …, each durable before the next is begun, until
// publish() gives them their own names, the first one's last.

#include "acquire/evidence/partial_file.h"
#include "kanshiki/evidence_sink.h"

#include <mutex>

namespace kanshiki {

class SegmentWriter {
public:
    explicit SegmentWriter(const std::filesystem::path& image); // creates the first; Error{destination}
    // Goes on at byte `size` of the last one of `kept`; what lies beyond is removed. kept: those before it.
    SegmentWriter(const std::filesystem::path& image, std::vector<EvidenceFile> kept, uint64_t size);

    // One thread; all throw Error{destination}.
    void append(std::span<const std::byte> bytes); // to the current segment
    void skip(uint64_t size);                      // a hole
    void write_at(uint64_t offset, std::span<const std::byte> bytes);
    void next(const std::optional<Digest>& sha256); // of the current one, which is finished
    void finish(const std::optional<Digest>& sha256);
    // A segment that is finished: put other bytes at `offset`. Its digest is then forgotten.
    void amend(uint32_t number, uint64_t offset, std::span<const std::byte> bytes);

    void sync(); // any thread: all that was appended is durable
    void publish();

    uint32_t number() const { return static_cast<uint32_t>(finished_.size()) + 1; } // of the current one
    uint64_t size() const { return size_; }                                         // of the current one
    std::vector<EvidenceFile>& finished() { return finished_; }
    const std::vector<EvidenceFile>& finished() const { return finished_; }

private:
    void open(PartialFile::Mode mode);
    const std::filesystem::path image_;
    std::vector<EvidenceFile> finished_;
    std::shared_ptr<PartialFile> current_; // changed under mutex_
    std::mutex mutex_;
    uint64_t size_ = 0;
};

} // namespace kanshiki
