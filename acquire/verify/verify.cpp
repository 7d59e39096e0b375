// The story of one verification: what stands beside the image, the image itself in one parallel read, then what the two
// say of each other.
#include "kanshiki/verify.h"

#include "acquire/custody/files.h"
#include "acquire/verify/authenticity.h"
#include "acquire/verify/companions.h"
#include "acquire/verify/leaf_check.h"
#include "acquire/verify/opening.h"
#include "acquire/verify/stored_digests.h"
#include "kanshiki/checksum_list.h"
#include "kanshiki/escape.h"
#include "kanshiki/pipeline.h"

#include <algorithm>
#include <cerrno>
#include <future>

namespace kanshiki {
namespace {

namespace fs = std::filesystem;

class Verification {
public:
    Verification(const VerifyOptions& options, Events& events, std::stop_token stop)
        : options_(options), events_(events), stop_(stop), name_(options.image.filename().string()) {}

    VerifyResult run() {
        format_ = format_to_verify(options_.image);
        set_ = check_companions(options_.image, findings_);
        signed_ = check_authenticity(set_.files, options_.trust, findings_);
        if (!something_to_check()) return conclude();
        if (open_image()) {
            read_image();
            judge_size();
            judge_content();
            judge_digests();
            judge_stored_digests(stored_, *result_, set_.manifest && image_is_right(), options_.image, findings_);
            judge_unreadable();
            judge_file();
            check_segments(set_.segments, findings_, findings_.image_damaged());
        }
        judge_expected_root();
        return conclude();
    }

private:
    // Without any of these the image can only be said to be readable.
    bool something_to_check() {
        if (set_.manifest || set_.chunks || options_.expect_root || set_.listed_image) return true;
        if (!set_.any_of_ours && !set_.foreign && present(options_.image) && carries_digests(*format_, options_.image))
            return true;
        if (set_.any_of_ours && findings_.damaged()) {
            findings_.not_checked.push_back({"the image", "nothing readable stands beside it to check it against"});
            return false;
        }
        if (set_.foreign) throw Error(ExitCode::never_valid, *set_.foreign);
        throw Error(ExitCode::never_valid, options_.image.string() +
                                               ": nothing to verify it with: neither manifest nor chunk list stands "
                                               "beside it; with --expect-root its root can still be compared");
    }

    // What the size must be; without a manifest the chunk list gives it to within one chunk.
    uint64_t most_expected() const {
        if (set_.manifest) return set_.manifest->size;
        return set_.chunks ? set_.chunks->size() * chunk_size : ~uint64_t{0};
    }

    bool open_image() {
        image_ = open_damaged_or_not(*format_, options_.image, set_.manifest ? &*set_.manifest : nullptr,
                                     most_expected(), findings_);
        return image_ != nullptr;
    }

    bool in_one_file() const { return stored_as_it_is(*format_) && set_.segments.empty(); }

    void read_image() {
        size_ = *image_->info().size;
        if (!format_->digests.empty()) stored_ = stored_digests(*image_);
        PipelineOptions pipeline_options;
        pipeline_options.threads = options_.threads;
        pipeline_options.phase = "verify";
        pipeline_options.digests = digests_wanted();
        // A compressed file, or a segment, has a digest of its own, which a second reader computes meanwhile.
        std::future<Digest> own;
        if (!in_one_file() && file_digest_wanted())
            own = std::async(std::launch::async, [this] {
                digest_segments(set_.segments);
                return sha256_of_file(options_.image, ExitCode::altered);
            });

        LeafCheck leaves(set_.chunks.get());
        ZeroCheck zeros(*image_, set_.unreadable);
        Pipeline pipeline(pipeline_options, events_);
        try {
            pipeline.run(zeros, std::min(size_, most_expected()), {}, &leaves, nullptr, stop_);
            result_ = pipeline.finish();
        } catch (const Error& error) {
            if (own.valid()) own.wait();
            if (error.code() != ExitCode::source_lost) throw;
            throw Error(ExitCode::altered, options_.image.string() + " became shorter while it was read");
        }
        if (own.valid())
            own_digest_ = own.get();
        else if (const auto found = result_->digests.find(DigestAlgorithm::sha256);
                 in_one_file() && found != result_->digests.end() && result_->size == size_) {
            own_digest_.emplace();
            std::copy(found->second.begin(), found->second.end(), own_digest_->begin());
        }
        differing_ = std::move(leaves.differing);
        unreadable_ = std::move(leaves.unreadable);
        beyond_ = leaves.beyond;
        if (!leaves.recorded.empty())
            findings_.notes.push_back("the image's own error table lists " + std::to_string(leaves.recorded.size()) +
                                      " ranges, from byte " + std::to_string(leaves.recorded.front().range.offset) +
                                      ", as unreadable at the source");
        not_zero_ = zeros.not_zero();
    }

    bool file_digest_wanted() const {
        const ManifestFile* entry = set_.image_entry();
        return set_.listed_image || (entry && entry->sha256);
    }

    std::vector<DigestAlgorithm> digests_wanted() const {
        std::vector<DigestAlgorithm> out;
        if (set_.manifest)
            for (const auto& [name, hex] : set_.manifest->digests) out.push_back(*digest_from_name(name));
        for (const auto& [algorithm, hex] : stored_)
            if (std::find(out.begin(), out.end(), algorithm) == out.end()) out.push_back(algorithm);
        const bool has_sha256 = std::find(out.begin(), out.end(), DigestAlgorithm::sha256) != out.end();
        if (!has_sha256 && in_one_file() && file_digest_wanted()) out.push_back(DigestAlgorithm::sha256);
        return out;
    }

    bool as_expected() const { return options_.expect_root && result_->root == *options_.expect_root; }
    // A root vouches for the image over a chunk list that differs: then it is the list that was altered.
    bool image_is_right() const { return as_expected() || (set_.manifest && result_->root == set_.manifest->root); }

    // Chunks in ascending order, each with the one thing that is wrong with it; then what is missing at the end.
    void judge_size() {
        struct Bit {
            Range range;
            std::string what;
        };
        std::vector<Bit> bits;
        for (const Bad& bad : unreadable_)
            bits.push_back(
                {bad.range, bad.error == EILSEQ ? "does not decompress" : "cannot be read: " + errno_text(bad.error)});
        const bool short_of_it =
            set_.manifest ? result_->size < set_.manifest->size : set_.chunks && result_->chunks < set_.chunks->size();
        for (const Range& range : differing_) {
            if (image_is_right()) continue;
            const uint64_t cut_chunk =
                short_of_it && range.end() == result_->size ? result_->size / chunk_size * chunk_size : range.end();
            bits.push_back(
                {{range.offset, std::min(range.end(), cut_chunk) - range.offset}, "differs from what was imaged"});
            if (cut_chunk < range.end())
                bits.push_back(
                    {{cut_chunk, range.end() - cut_chunk}, "cannot be checked: the rest of its chunk is missing"});
        }
        std::sort(bits.begin(), bits.end(), [](const Bit& a, const Bit& b) { return a.range.offset < b.range.offset; });
        for (const Bit& bit : bits) findings_.image_damage(name_, bit.range, bit.what);

        if (short_of_it && image_is_right()) {
            findings_.file_damage(set_.manifest ? set_.files.manifest : set_.files.chunks,
                                  "it is made for more than the image holds, whose root is right");
        } else if (short_of_it) {
            const uint64_t end = most_expected();
            findings_.image_damage(name_, {result_->size, end - result_->size}, "is missing: the image was cut short");
        } else if (size_ > most_expected()) {
            findings_.image_damage(name_, {most_expected(), size_ - most_expected()},
                                   "does not belong to the image: it was appended");
        } else if (set_.manifest) {
            findings_.checked.push_back("size");
        }
    }

    void judge_content() {
        const auto leaves = [&](const std::vector<Range>& ranges) {
            uint64_t count = 0;
            for (const Range& range : ranges) count += (range.size + chunk_size - 1) / chunk_size;
            return count;
        };
        if (set_.chunks && differing_.empty() && unreadable_.empty() && beyond_ == 0)
            findings_.checked.push_back(std::to_string(result_->chunks) + " leaves");
        if (beyond_ && !set_.manifest)
            findings_.file_damage(set_.files.chunks,
                                  "has no leaf for the image's last " + std::to_string(beyond_) + " chunks");
        if (image_is_right() && !differing_.empty())
            findings_.file_damage(set_.files.chunks, std::to_string(leaves(differing_)) +
                                                         " leaves, the first that of chunk " +
                                                         std::to_string(differing_.front().offset / chunk_size) +
                                                         ", are not those of the image, whose root is right");
        if (!set_.manifest) {
            if (set_.chunks)
                findings_.not_checked.push_back(
                    {"the root and whole-image digests of the manifest", "there is no manifest that can be read"});
            return;
        }
        const Digest& bound = set_.manifest->root;
        if (result_->root == bound) {
            findings_.checked.push_back("root");
            return;
        }
        if (as_expected())
            return findings_.file_damage(set_.files.manifest,
                                         "its root is not that of the image, which is as expected");
        if (set_.listed_root && *set_.listed_root != bound)
            findings_.file_damage(set_.files.chunks, "its root is not the manifest's");
        if (findings_.image_damaged()) return;
        if (!set_.chunks) {
            findings_.whole_image_damage(
                options_.image, result_->size,
                "its root is not the manifest's; without a chunk list it cannot be said where it differs");
            return;
        }
        findings_.file_damage(
            set_.files.manifest,
            "its root is not that of the image and its chunk list, which agree: these, or the manifest, were altered");
    }

    void judge_digests() {
        if (!set_.manifest) return;
        for (const auto& [name, hex] : set_.manifest->digests) {
            if (to_hex(result_->digests.at(*digest_from_name(name))) == hex)
                findings_.checked.push_back(name + " of the image");
            else if (!findings_.image_damaged())
                findings_.file_damage(set_.files.manifest,
                                      "its " + name + " is not that of the image" +
                                          (result_->root == set_.manifest->root ? ", whose root is right" : ""));
        }
        if (set_.manifest->digests.empty())
            findings_.not_checked.push_back(
                {"digests of the whole image", "none was made (--hash none); leaves and root cover every byte"});
    }

    void judge_unreadable() {
        for (const Range& range : not_zero_)
            findings_.image_damage(name_, range, "was unreadable at the source and must be zeros, but is not");
        if (!set_.unreadable.empty() && not_zero_.empty() && result_->size >= set_.unreadable.back().end())
            findings_.checked.push_back("zeros at unreadable ranges");
    }

    // The file as it lies there: for .img.zst that is not what it decodes to.
    void judge_file() {
        std::error_code error;
        const uint64_t file_size = fs::file_size(options_.image, error);
        const ManifestFile* entry = set_.image_entry();
        bool good = true;
        if (entry && !error && entry->size != file_size && !findings_.image_damaged()) {
            findings_.file_damage(options_.image, "has " + std::to_string(file_size) + " bytes; the manifest binds " +
                                                      std::to_string(entry->size));
            good = false;
        }
        if (entry && entry->name != to_utf8_lossless(name_))
            findings_.notes.push_back(name_ + " was named " + entry->name + " when it was acquired");
        if (!own_digest_) return;
        const bool bound = entry && entry->sha256, as_bound = bound && *entry->sha256 == *own_digest_;
        const bool as_listed = set_.listed_image && *set_.listed_image == *own_digest_;
        if ((bound && !as_bound && !as_listed) || (!bound && set_.listed_image && !as_listed)) {
            if (!findings_.image_damaged())
                findings_.file_damage(
                    options_.image,
                    "the file's own SHA-256 differs" +
                        std::string(set_.manifest || set_.chunks ? "; what it decodes to is what was imaged" : ""));
            good = false;
        } else if (bound && !as_bound) {
            findings_.file_damage(set_.files.manifest, "the SHA-256 it gives for " + name_ + " is not that file's");
            good = false;
        } else if (set_.listed_image && !as_listed) {
            findings_.file_damage(set_.files.sha256, "the SHA-256 it gives for " + name_ + " is not that file's");
            good = false;
        }
        if (good) findings_.checked.push_back("SHA-256 of the image file");
    }

    void judge_expected_root() {
        if (!options_.expect_root || !result_) return;
        if (as_expected()) return findings_.checked.push_back("expected root");
        if (!findings_.image_damaged())
            findings_.whole_image_damage(
                options_.image, result_->size,
                "its root is not the one expected: all files were rewritten, or this is another image");
    }

    VerifyResult conclude() {
        VerifyResult out;
        if (result_) out.size = result_->size, out.chunks = result_->chunks, out.root = result_->root;
        out.manifest = std::move(set_.manifest);
        out.checked = std::move(findings_.checked);
        out.not_checked = std::move(findings_.not_checked);
        out.notes = std::move(findings_.notes);
        out.damage = findings_.take_damage();
        if (!out.damage.empty() || !result_)
            out.verdict = Verdict::altered;
        else
            out.verdict = options_.expect_root || signed_ ? Verdict::authentic : Verdict::consistent_only;
        return out;
    }

    const VerifyOptions& options_;
    Events& events_;
    const std::stop_token stop_;
    const std::string name_;
    const EvidenceFormat* format_ = nullptr;
    VerifyFindings findings_;
    CompanionSet set_;
    bool signed_ = false; // the manifest, by a trusted key
    std::unique_ptr<BlockSource> image_;
    uint64_t size_ = 0; // of the image as it is now
    std::optional<PipelineResult> result_;
    std::optional<Digest> own_digest_; // of the image file
    StoredDigests stored_;             // in the image itself
    std::vector<Range> differing_, not_zero_;
    std::vector<Bad> unreadable_;
    uint64_t beyond_ = 0;
};

} // namespace

std::string_view verdict_name(Verdict verdict) {
    switch (verdict) {
    case Verdict::authentic:
        return "authentic";
    case Verdict::consistent_only:
        return "consistent only";
    case Verdict::altered:
        break;
    }
    return "altered";
}

std::vector<Damage> VerifyFindings::take_damage() {
    std::stable_sort(image_.begin(), image_.end(),
                     [](const Damage& a, const Damage& b) { return a.range->offset < b.range->offset; });
    image_.insert(image_.end(), std::make_move_iterator(files_.begin()), std::make_move_iterator(files_.end()));
    return std::move(image_);
}

VerifyResult verify_image(const VerifyOptions& options, Events& events, std::stop_token stop) {
    return Verification(options, events, stop).run();
}

} // namespace kanshiki
