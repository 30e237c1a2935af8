// The system's zlib. Its two init functions are macros, which Swift does not see.
#pragma once
#include <zlib.h>

static inline int martlet_deflateInit(z_stream *stream, int level, int windowBits, int memoryLevel) {
    return deflateInit2(stream, level, Z_DEFLATED, windowBits, memoryLevel, Z_DEFAULT_STRATEGY);
}

static inline int martlet_inflateInit(z_stream *stream, int windowBits) { return inflateInit2(stream, windowBits); }
