#include "kanshiki/block_source.h"

namespace kanshiki {

std::vector<Extent> BlockSource::extents(Range within, std::stop_token) { return {{within, Kind::data}}; }

} // namespace kanshiki
