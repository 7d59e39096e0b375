// Preloaded into nbdfuse: libfuse serves at most ten requests at a time unless its program asks for more, and nbdfuse has no
// option for it. A store such as EBS answers far more at once. The calls are those of libfuse 3.12's ABI.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>

int fuse_loop_mt_32(void* fuse, void* unused) {
    (void)unused;
    void* (*create)(void) = dlsym(RTLD_NEXT, "fuse_loop_cfg_create");
    void (*set_most)(void*, unsigned) = dlsym(RTLD_NEXT, "fuse_loop_cfg_set_max_threads");
    int (*loop)(void*, void*) = dlsym(RTLD_NEXT, "fuse_loop_mt_312");
    void* config = create();
    set_most(config, (unsigned)atoi(getenv("FUSE_THREADS")));
    return loop(fuse, config);
}
