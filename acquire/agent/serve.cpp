#include "acquire/agent/serve.h"

#include "acquire/agent/packer.h"
#include "acquire/agent/writer.h"
#include "acquire/block/aligned_buffer.h"
#include "kanshiki/error.h"

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <fcntl.h>
#include <linux/fs.h>
#include <new>
#include <poll.h>
#include <set>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <system_error>
#include <thread>
#include <unistd.h>

namespace kanshiki::agent {

namespace {

using Clock = std::chrono::steady_clock;

constexpr unsigned most_workers = 64;

// All threads of one serve(). It is never destroyed while one of them may hang in a read: they hold it.
class Service {
public:
    Service(int in, int out, std::shared_ptr<const OpenedFile> file, const ServeOptions& options)
        : in_(in), options_(options), opened_(std::move(file)), file_(*opened_), writer_(out), packer_(options.cores) {}

    int run(std::string& why);
    void hold(std::shared_ptr<Service> self) { self_ = std::move(self); }

private:
    struct Waiting {
        Request request;
        uint64_t number;
        bool operator<(const Waiting& other) const {
            return std::pair(request.priority, number) < std::pair(other.request.priority, other.number);
        }
    };

    enum class Came { request, end, timeout };
    Came next(std::array<std::byte, Request::size_on_wire>& bytes);
    bool say_hello();
    const char* accept(const Request& request);
    void hire();
    bool staffed();
    void work();
    bool answer(const Request& request, AlignedBuffer& buffer, Packed& packed);
    bool answer_extents(const Request& request);
    bool answer_alive(const Request& request);
    void fail(const Request& request, const char* message);
    void release(uint32_t id);

    const int in_;
    const ServeOptions options_;
    const std::shared_ptr<const OpenedFile> opened_;
    const OpenedFile& file_;
    Writer writer_;
    Packer packer_;
    std::shared_ptr<Service> self_;

    std::mutex mutex_;
    std::condition_variable changed_;
    std::set<Waiting> waiting_;
    std::set<uint32_t> ids_; // of requests whose answer is not on its way yet
    unsigned under_way_ = 0; // requests whose answer is not written yet
    uint64_t number_ = 0;
    unsigned workers_ = 0, idle_ = 0;
    bool over_ = false; // no more is wanted
};

bool Service::say_hello() {
    Hello hello;
    hello.device = file_.device;
    hello.direct = static_cast<bool>(file_.direct);
    hello.extents = !file_.device;
    hello.logical_sector = file_.logical_sector;
    hello.size = file_.size;
    hello.cores = options_.cores;
    hello.process = static_cast<uint32_t>(getpid());
    return writer_.write(render(hello));
}

// A whole request, or the end. The clock runs only while nothing is under way.
Service::Came Service::next(std::array<std::byte, Request::size_on_wire>& bytes) {
    auto since = Clock::now();
    for (size_t have = 0; have < bytes.size();) {
        pollfd ready{in_, POLLIN, 0};
        const int slice = static_cast<int>(std::min<int64_t>(options_.timeout.count(), 1000));
        const int events = poll(&ready, 1, slice);
        if (events < 0 && errno != EINTR) return Came::end;
        if (events <= 0) {
            const std::lock_guard lock(mutex_);
            if (over_) return Came::end;
            if (under_way_ > 0) since = Clock::now();
            if (Clock::now() - since >= options_.timeout) return Came::timeout;
            continue;
        }
        const ssize_t got = read(in_, bytes.data() + have, bytes.size() - have);
        if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (got <= 0) return Came::end;
        have += static_cast<size_t>(got);
    }
    return Came::request;
}

// Hosts limit threads (TasksMax, RLIMIT_NPROC, RLIMIT_AS): then those there are do the work. The caller holds the lock.
void Service::hire() {
    try {
        std::thread([this] { work(); }).detach();
        ++workers_;
    } catch (const std::system_error&) {
    }
}

bool Service::staffed() {
    const std::lock_guard lock(mutex_);
    return workers_ > 0;
}

// Null, or why it cannot be one of ours.
const char* Service::accept(const Request& request) {
    const std::lock_guard lock(mutex_);
    if (ids_.size() >= most_requests) return "more requests than may be unanswered";
    if (!ids_.insert(request.id).second) return "an id that is in use";
    waiting_.insert({request, number_++});
    ++under_way_;
    if (waiting_.size() > idle_ && workers_ < most_workers) hire();
    changed_.notify_one();
    return nullptr;
}

int Service::run(std::string& why) {
    if (!say_hello()) return 0;
    int status = 0;
    for (;;) {
        std::array<std::byte, Request::size_on_wire> bytes;
        const Came came = next(bytes);
        if (came == Came::end) break;
        if (came == Came::timeout) {
            why = "no request for " + std::to_string(options_.timeout.count() / 1000) + " s";
            status = 3;
            break;
        }
        Request request;
        const char* wrong = parse(bytes, request);
        if (!wrong) wrong = accept(request);
        if (wrong) {
            why = std::string("not a request: ") + wrong;
            status = 2;
            break;
        }
        if (!staffed()) {
            fail(request, "no thread can be made beside the volume");
            break;
        }
    }
    const std::lock_guard lock(mutex_);
    over_ = true;
    changed_.notify_all();
    if (workers_ == 0) self_.reset();
    return status;
}

void Service::work() {
    AlignedBuffer buffer;
    Packed packed;
    std::unique_lock lock(mutex_);
    for (;;) {
        ++idle_;
        changed_.wait(lock, [&] { return over_ || !waiting_.empty(); });
        --idle_;
        if (over_) break;
        const Request request = waiting_.extract(waiting_.begin()).value().request;
        lock.unlock();
        bool wanted = false;
        try {
            switch (request.type) {
            case RequestType::read:
                wanted = answer(request, buffer, packed);
                break;
            case RequestType::extents:
                wanted = answer_extents(request);
                break;
            case RequestType::alive:
                wanted = answer_alive(request);
                break;
            }
        } catch (const std::bad_alloc&) {
            fail(request, "not enough memory beside the volume");
        } catch (const std::exception& error) {
            fail(request, error.what());
        }
        lock.lock();
        --under_way_;
        if (!wanted) over_ = true;
    }
    if (--workers_ > 0) return;
    const std::shared_ptr<Service> last = std::move(self_); // after the lock
    lock.unlock();
}

// Before the answer is written: the very next request may have the same id.
void Service::release(uint32_t id) {
    const std::lock_guard lock(mutex_);
    ids_.erase(id);
}

// False: nobody listens any more. Throws when the source as a whole is lost, or there is no memory.
bool Service::answer(const Request& request, AlignedBuffer& buffer, Packed& packed) {
    const size_t want = request.offset >= file_.size
                            ? 0
                            : static_cast<size_t>(std::min<uint64_t>(request.size, file_.size - request.offset));
    if (buffer.size() < want) buffer = AlignedBuffer(std::max<size_t>(want, 512 * 1024));
    Read read;
    read.offset = request.offset;
    read.into = buffer.span().first(want);
    const auto begun = Clock::now();
    if (want > 0) file_.read(read, {});
    const auto took = Clock::now() - begun;
    packer_.pack(request, read, packed);
    packed.header.read_us = static_cast<uint32_t>(
        std::min<int64_t>(std::chrono::duration_cast<std::chrono::microseconds>(took).count(), UINT32_MAX));
    release(request.id);
    return writer_.write(packed.header, packed.lists, packed.body);
}

// By a worker as well: who reads standard input must never stand still because nobody reads the output.
bool Service::answer_alive(const Request& request) {
    ReplyHeader reply;
    reply.id = request.id;
    reply.type = ReplyType::alive;
    release(request.id);
    return writer_.write(reply, {}, {});
}

bool Service::answer_extents(const Request& request) {
    std::vector<Extent> extents;
    if (request.offset < file_.size && request.size > 0)
        extents = file_.extents({request.offset, std::min(request.size, file_.size - request.offset)}, most_extents);
    const std::vector<std::byte> body = render_extents(extents);
    ReplyHeader reply;
    reply.id = request.id;
    reply.type = ReplyType::extents;
    reply.offset = request.offset;
    reply.payload = static_cast<uint32_t>(body.size());
    release(request.id);
    return writer_.write(reply, {}, body);
}

void Service::fail(const Request& request, const char* message) {
    ReplyHeader reply;
    reply.id = request.id;
    reply.type = ReplyType::failed;
    const size_t size = std::min<size_t>(std::strlen(message), longest_failure);
    reply.payload = static_cast<uint32_t>(size);
    writer_.write(reply, {}, std::as_bytes(std::span(message, size)));
}

} // namespace

std::shared_ptr<const OpenedFile> open_volume(const std::string& path, unsigned retries,
                                              std::chrono::milliseconds patience) {
    const auto refuse = [&path](const char* what) -> Error {
        return {ExitCode::refused, path + ": " + what + ": " + std::strerror(errno)};
    };
    OpenedFile file;
    file.name = path;
    file.retries = retries;
    file.patience = patience;
    file.plain = FileDescriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!file.plain) throw refuse("cannot open for reading");
    struct stat status {};
    if (::fstat(file.plain.get(), &status) != 0) throw refuse("cannot be looked at");
    if (S_ISBLK(status.st_mode)) {
        int sector = 0;
        file.device = true;
        if (::ioctl(file.plain.get(), BLKGETSIZE64, &file.size) != 0 ||
            ::ioctl(file.plain.get(), BLKSSZGET, &sector) != 0 || sector < 512)
            throw refuse("does not tell its size");
        file.logical_sector = static_cast<uint32_t>(sector);
    } else if (S_ISREG(status.st_mode)) {
        file.size = static_cast<uint64_t>(status.st_size);
    } else {
        throw Error(ExitCode::refused, path + ": neither a block device nor a regular file");
    }
    file.direct = FileDescriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECT | O_NONBLOCK));
    // A path can be given another meaning between two opens.
    struct stat again {};
    if (file.direct && (::fstat(file.direct.get(), &again) != 0 || again.st_dev != status.st_dev ||
                        again.st_ino != status.st_ino || again.st_rdev != status.st_rdev))
        throw Error(ExitCode::refused, path + ": another file took its place while it was opened");
    return std::make_shared<const OpenedFile>(std::move(file));
}

int serve(int in, int out, std::shared_ptr<const OpenedFile> file, const ServeOptions& options, std::string& why) {
    const auto service = std::make_shared<Service>(in, out, std::move(file), options);
    service->hold(service);
    return service->run(why);
}

} // namespace kanshiki::agent
