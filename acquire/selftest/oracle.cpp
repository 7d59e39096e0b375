#include "acquire/selftest/oracle.h"

#include "kanshiki/error.h"

#include <algorithm>
#include <bit>
#include <fstream>
#include <iterator>
#include <openssl/evp.h>

namespace kanshiki::selftest {
namespace {

using Bytes = std::vector<std::byte>;
constexpr size_t leaf_size = 32;

Bytes digest_bytes(std::string_view algorithm, std::span<const std::byte> bytes) {
    Bytes out(EVP_MAX_MD_SIZE);
    size_t size = 0;
    if (EVP_Q_digest(nullptr, std::string(algorithm).c_str(), nullptr, bytes.data(), bytes.size(),
                     reinterpret_cast<unsigned char*>(out.data()), &size) != 1)
        throw Error(ExitCode::internal, "OpenSSL has no " + std::string(algorithm));
    out.resize(size);
    return out;
}

Bytes tree(std::span<const std::byte> leaves) {
    const size_t count = leaves.size() / leaf_size;
    if (count == 0) return digest_bytes("SHA256", {});
    Bytes node{std::byte{count == 1 ? uint8_t{0} : uint8_t{1}}};
    if (count == 1) {
        node.insert(node.end(), leaves.begin(), leaves.end());
        return digest_bytes("SHA256", node);
    }
    const size_t left = std::bit_floor(count - 1);
    for (const Bytes& half : {tree(leaves.first(left * leaf_size)), tree(leaves.subspan(left * leaf_size))})
        node.insert(node.end(), half.begin(), half.end());
    return digest_bytes("SHA256", node);
}

} // namespace

std::string digest_of(std::string_view algorithm, std::span<const std::byte> bytes) {
    return to_hex(digest_bytes(algorithm, bytes));
}

std::string text_of(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    std::string out{std::istreambuf_iterator<char>(in), {}};
    if (!in.good() && !in.eof()) throw Error(ExitCode::destination, file.string() + ": cannot be read back");
    return out;
}

std::vector<std::byte> bytes_of(const std::filesystem::path& file) {
    const std::string text = text_of(file);
    std::vector<std::byte> out(text.size());
    std::transform(text.begin(), text.end(), out.begin(), [](char c) { return static_cast<std::byte>(c); });
    return out;
}

void change_byte(const std::filesystem::path& file, uint64_t offset) {
    std::filesystem::permissions(file, std::filesystem::perms::owner_write, std::filesystem::perm_options::add);
    std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekg(static_cast<std::streamoff>(offset));
    const auto other = static_cast<char>(stream.get() ^ 1);
    stream.seekp(static_cast<std::streamoff>(offset));
    stream.put(other).flush();
    if (!stream.good()) throw Error(ExitCode::destination, file.string() + ": cannot be changed for the test");
}

std::vector<std::byte> leaves_of(std::span<const std::byte> bytes, uint64_t piece) {
    std::vector<std::byte> out;
    for (size_t at = 0; at < bytes.size(); at += piece) {
        const Bytes leaf = digest_bytes("SHA256", bytes.subspan(at, std::min<size_t>(piece, bytes.size() - at)));
        out.insert(out.end(), leaf.begin(), leaf.end());
    }
    return out;
}

std::string root_of(std::span<const std::byte> leaves) { return to_hex(tree(leaves)); }

} // namespace kanshiki::selftest
