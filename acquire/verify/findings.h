#pragma once
// What a verification gathers on its way.

#include "kanshiki/verify.h"

namespace kanshiki {

class VerifyFindings {
public:
    std::vector<std::string> checked, notes;
    std::vector<NotChecked> not_checked;

    // Ranges of the image; neighbours with the same text are merged.
    void image_damage(const std::string& image, Range range, std::string what) {
        if (range.size == 0) return;
        if (!image_.empty() && image_.back().what == what && image_.back().range->end() == range.offset)
            image_.back().range->size += range.size;
        else
            image_.push_back({image, range, std::move(what)});
    }
    // Of the image as a whole; one without a byte still has a root.
    void whole_image_damage(const std::filesystem::path& image, uint64_t size, std::string what) {
        if (size)
            image_damage(image.filename().string(), {0, size}, std::move(what));
        else
            file_damage(image, std::move(what));
    }
    void file_damage(const std::filesystem::path& file, std::string what) {
        files_.push_back({file.filename().string(), {}, std::move(what)});
    }
    bool image_damaged() const { return !image_.empty(); }
    bool damaged() const { return !image_.empty() || !files_.empty(); }
    std::vector<Damage> take_damage();

private:
    std::vector<Damage> image_, files_;
};

} // namespace kanshiki
