// Raw: the image as it is, zero chunks left out as holes.
#include "acquire/evidence/formats.h"
#include "acquire/evidence/padded_source.h"
#include "acquire/evidence/partial_file.h"
#include "acquire/source/file_source.h"
#include "kanshiki/error.h"

#include <atomic>
#include <sys/stat.h>

namespace kanshiki {
namespace {

class RawSink final : public EvidenceSink {
public:
    RawSink(const std::filesystem::path& image, PartialFile::Mode mode, uint64_t from)
        : file_(image, mode), written_(from) {
        if (mode == PartialFile::Mode::resume) file_.resize(from);
    }

    std::string_view format() const override { return "raw"; }

    void write(const Chunk& chunk) override {
        if (chunk.kind == Kind::data) {
            file_.write(chunk.range.offset, chunk.data);
            stored_ += chunk.data.size();
        }
        written_ = chunk.range.end();
    }

    uint64_t checkpoint() override {
        const uint64_t upto = written_;
        file_.sync();
        return upto;
    }

    uint64_t stored() const override { return stored_; }

    void commit(uint64_t image_size) override {
        file_.resize(image_size); // the last chunks may have been zeros, which were not written
        file_.sync();
        size_ = image_size;
    }

    void publish() override { file_.publish(); }

    std::vector<EvidenceFile> files(const std::optional<Digest>& whole) const override {
        return {{file_.image(), size_, whole}};
    }

private:
    PartialFile file_;
    std::atomic<uint64_t> written_, stored_ = 0;
    uint64_t size_ = 0;
};

} // namespace

std::unique_ptr<EvidenceSink> create_raw(const std::filesystem::path& image, const SinkOptions&) {
    return std::make_unique<RawSink>(image, PartialFile::Mode::create, 0);
}

std::unique_ptr<EvidenceSink> resume_raw(const std::filesystem::path& image, uint64_t from, const SinkOptions&) {
    return std::make_unique<RawSink>(image, PartialFile::Mode::resume, from);
}

std::unique_ptr<BlockSource> open_raw(const std::filesystem::path& file) {
    return open_file_source(file.string(), "raw");
}

std::unique_ptr<BlockSource> salvage_raw(const std::filesystem::path& file, uint64_t upto) {
    return std::make_unique<PaddedSource>(open_file_source(file.string(), "raw"), upto);
}

} // namespace kanshiki
