#pragma once
// Options of every command that opens volumes.

#include "kanshiki/volume.h"

namespace CLI {
class App;
}

namespace kanshiki {

// --key-file. The files are read while the arguments are parsed, so before the jail shuts.
void add_volume_options(CLI::App& app, VolumeOptions& options);

} // namespace kanshiki
