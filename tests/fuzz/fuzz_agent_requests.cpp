// What a client may send to an agent.
#include "acquire/agent/serve.h"

#include <algorithm>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace kanshiki;
    static const auto file = [] {
        auto made = std::make_shared<OpenedFile>();
        made->name = "fuzz";
        made->plain = FileDescriptor(memfd_create("volume", MFD_CLOEXEC));
        made->size = 3 * 1024 * 1024 + 77;
        if (ftruncate(made->plain.get(), static_cast<off_t>(made->size)) != 0) abort();
        const char text[] = "some text, and then a hole";
        if (pwrite(made->plain.get(), text, sizeof text, 1024 * 1024) < 0) abort();
        return made;
    }();
    static const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    int ends[2];
    if (pipe(ends) != 0) abort();
    if (write(ends[1], data, std::min<size_t>(size, 32 * 1024)) < 0) abort(); // less than a pipe takes at once
    close(ends[1]);
    std::string why;
    agent::ServeOptions options;
    options.timeout = std::chrono::seconds(10);
    agent::serve(ends[0], nowhere, file, options, why);
    close(ends[0]);
    return 0;
}
