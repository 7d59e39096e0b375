#include "acquire/evidence/segments.h"

#include "acquire/custody/files.h"

#include "kanshiki/evidence_sink.h"

#include <cctype>

namespace kanshiki {
namespace {

namespace fs = std::filesystem;

constexpr uint32_t letters = 26;
constexpr uint32_t numbered_ewf = 99;                                             // E01 … E99
constexpr uint32_t most_ewf = numbered_ewf + ('Z' - 'E' + 1) * letters * letters; // … ZZZ: 14,971
constexpr uint32_t most_numbered = 99'999;
constexpr std::string_view unfinished = ".partial";

bool is_ewf(const std::string& extension) { return extension == ".E01" || extension == ".e01"; }

std::string ewf_extension(bool capital, uint32_t number) {
    const char first = capital ? 'E' : 'e', a = capital ? 'A' : 'a';
    if (number <= numbered_ewf)
        return {'.', first, static_cast<char>('0' + number / 10), static_cast<char>('0' + number % 10)};
    const uint32_t past = number - numbered_ewf - 1;
    return {'.', static_cast<char>(first + past / (letters * letters)), static_cast<char>(a + past / letters % letters),
            static_cast<char>(a + past % letters)};
}

std::string numbered_extension(const std::string& first, uint32_t number) {
    std::string digits = std::to_string(static_cast<uint32_t>(std::stoul(first.substr(1))) + number - 1);
    return "." + (digits.size() < 3 ? std::string(3 - digits.size(), '0') : "") + digits;
}

std::vector<fs::path> there(const fs::path& image) {
    if (!is_segmented(image)) return present(image) ? std::vector{image} : std::vector<fs::path>{};
    std::vector<fs::path> out;
    for (uint32_t number = 1; number <= most_segments(image); ++number) {
        const fs::path segment = find_segment(image, number);
        if (!present(segment)) break;
        out.push_back(segment);
    }
    return out;
}

} // namespace

bool is_segmented(const fs::path& image) {
    const std::string extension = image.extension().string();
    return is_ewf(extension) || extension == ".001" || extension == ".000";
}

uint32_t most_segments(const fs::path& image) { return is_ewf(image.extension().string()) ? most_ewf : most_numbered; }

fs::path segment_path(const fs::path& image, uint32_t number) {
    const std::string extension = image.extension().string();
    fs::path out = image;
    out.replace_extension(is_ewf(extension) ? ewf_extension(extension[1] == 'E', number)
                                            : numbered_extension(extension, number));
    return out;
}

fs::path partial_segment_path(const fs::path& image, uint32_t number) {
    return segment_path(partial_path(image), number);
}

fs::path find_segment(const fs::path& image, uint32_t number) {
    const fs::path named = segment_path(image, number);
    const fs::path stem = image.stem();
    if (number == 1 || stem.extension() != unfinished || present(named)) return named;
    const fs::path finished = image.parent_path() / stem.stem();
    const fs::path published = segment_path(finished.string() + image.extension().string(), number);
    return present(published) ? published : named;
}

fs::path partial_path(const fs::path& image) {
    if (!is_segmented(image)) return image.string() + std::string(unfinished);
    return image.parent_path() / (image.stem().string() + std::string(unfinished) + image.extension().string());
}

std::vector<fs::path> image_files(const fs::path& image) { return there(image); }
std::vector<fs::path> partial_files(const fs::path& image) { return there(partial_path(image)); }

} // namespace kanshiki
