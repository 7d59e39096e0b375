#pragma once
// Which errors end the run; all others are about one file, and are told with it.

#include "kanshiki/error.h"

namespace kanshiki {

inline bool ends_run(const Error& error) {
    return error.code() == ExitCode::interrupted || error.code() == ExitCode::source_lost;
}

} // namespace kanshiki
