#include "kanshiki/seal.h"

#include "acquire/custody/timestamp.h"
#include "kanshiki/manifest.h"

#include <fmt/format.h>

namespace kanshiki {
namespace {

constexpr uint64_t largest_signed = 64 * 1024 * 1024;
constexpr uint64_t largest_signature = 64 * 1024;
constexpr std::string_view head_title = "kanshiki custody head 1";

std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}
std::string_view text_of(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

} // namespace

Sealer::Sealer(SealOptions options) : options_(std::move(options)) {
    if (!options_.key.empty())
        key_ = PrivateKey::load(options_.key, options_.passphrase_file, options_.may_ask);
    else if (!options_.passphrase_file.empty())
        throw Error(ExitCode::usage, "--sign-pass-file opens the key given with --sign, which is missing");
    if (!options_.authority_chain.empty()) read_file(options_.authority_chain, 16 << 20, ExitCode::usage);
}

std::string Sealer::fingerprint() const { return key_ ? key_->public_half().fingerprint() : ""; }

void Sealer::sign(const std::filesystem::path& file) const {
    const SealPaths paths = SealPaths::of(file);
    const std::string content = read_file(file, largest_signed, ExitCode::destination);
    write_file_durably(paths.key, key_->public_half().pem());
    write_file_durably(paths.signature, text_of(key_->sign(bytes_of(content))));
}

Stamped Sealer::stamp(const std::filesystem::path& file, std::stop_token stop) const {
    const SealPaths paths = SealPaths::of(file);
    const std::string signature = read_file(paths.signature, largest_signature, ExitCode::later_step);
    const Digest imprint = sha256(bytes_of(signature));
    const std::vector<std::byte> reply = fetch_timestamp(options_.timestamp_url, imprint, options_.timeout, stop);
    Stamped out;
    const std::string chain = collect_chain(reply, options_.authority_chain, options_.timeout, out.not_archived, stop);
    write_file_durably(paths.chain, chain);
    write_file_durably(paths.timestamp, text_of(reply));
    const Timestamp token = read_timestamp(reply, imprint, {});
    out.time = token.time;
    out.authority = token.authority;
    return out;
}

std::string render_custody_head(const CustodyHead& head) {
    return fmt::format("{}\nentries {}\nhead {}\nmanifest {}\n", head_title, head.entries, head.head,
                       head.manifest_sha256);
}

CustodyHead parse_custody_head(std::string_view text, std::string_view name) {
    CustodyHead out;
    const auto wrong = [&] { return Error(ExitCode::never_valid, std::string(name) + ": this is no custody head"); };
    const auto line = [&](std::string_view label) {
        if (!text.starts_with(label)) throw wrong();
        const size_t end = text.find('\n');
        if (end == text.npos) throw wrong();
        const std::string value(text.substr(label.size(), end - label.size()));
        text.remove_prefix(end + 1);
        return value;
    };
    if (!line(head_title).empty()) throw wrong();
    const std::string entries = line("entries ");
    if (entries.empty() || entries.size() > 18 || entries.find_first_not_of("0123456789") != entries.npos)
        throw wrong();
    out.entries = std::stoull(entries);
    out.head = line("head ");
    out.manifest_sha256 = line("manifest ");
    if (!digest_from_hex(out.head) || !digest_from_hex(out.manifest_sha256) || !text.empty()) throw wrong();
    return out;
}

} // namespace kanshiki
