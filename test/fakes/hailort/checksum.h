/* The three checksums of HEF headers. */
#pragma once
#include <stddef.h>
#include <stdint.h>

void md5(const uint8_t *data, size_t size, uint8_t digest[16]);
uint32_t crc32(const uint8_t *data, size_t size);
/* XXH3 with 64 bits, no seed. Only for more than 240 bytes, as every HEF has; 0 for less. */
uint64_t xxh3(const uint8_t *data, size_t size);
