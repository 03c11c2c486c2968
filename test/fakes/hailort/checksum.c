#include "checksum.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void md5_block(uint32_t state[4], const uint8_t *block) {
  static const int turns[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
  uint32_t words[16], a = state[0], b = state[1], c = state[2], d = state[3];
  memcpy(words, block, 64);
  for (int i = 0; i < 64; i++) {
    uint32_t mix;
    int word;
    if (i < 16) mix = (b & c) | (~b & d), word = i;
    else if (i < 32) mix = (d & b) | (~d & c), word = (5 * i + 1) % 16;
    else if (i < 48) mix = b ^ c ^ d, word = (3 * i + 5) % 16;
    else mix = c ^ (b | ~d), word = 7 * i % 16;
    uint32_t constant = (uint32_t)(int64_t)floor(fabs(sin(i + 1.0)) * 4294967296.0);
    uint32_t sum = a + mix + constant + words[word];
    int turn = turns[i / 16][i % 4];
    a = d, d = c, c = b;
    b += sum << turn | sum >> (32 - turn);
  }
  state[0] += a, state[1] += b, state[2] += c, state[3] += d;
}

void md5(const uint8_t *data, size_t size, uint8_t digest[16]) {
  uint32_t state[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
  size_t whole = size / 64 * 64;
  for (size_t i = 0; i < whole; i += 64) md5_block(state, data + i);
  uint8_t tail[128] = {0};
  size_t rest = size - whole, padded = rest < 56 ? 64 : 128;
  memcpy(tail, data + whole, rest);
  tail[rest] = 0x80;
  uint64_t bits = (uint64_t)size * 8;
  memcpy(tail + padded - 8, &bits, 8);
  for (size_t i = 0; i < padded; i += 64) md5_block(state, tail + i);
  memcpy(digest, state, 16);
}

uint32_t crc32(const uint8_t *data, size_t size) {
  uint32_t crc = 0xffffffff;
  for (size_t i = 0; i < size; i++) {
    crc ^= data[i];
    for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (0xedb88320 & -(crc & 1));
  }
  return ~crc;
}

static const char secret_hex[] = "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671f"
                                 "cb79e64eccc0e578825ad07dccff7221b8084674f743248ee03590e6813a264c"
                                 "3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8"
                                 "a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364"
                                 "eac5ac8334d3ebc3c581a0fffa1363eb170ddd51b7f0da49d316552629d4689e"
                                 "2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e";
static uint8_t secret[192];

__attribute__((constructor)) static void read_secret(void) {
  for (int i = 0; i < 192; i++) {
    char digits[3] = {secret_hex[2 * i], secret_hex[2 * i + 1], 0};
    secret[i] = (uint8_t)strtol(digits, NULL, 16);
  }
}

static uint64_t word(const uint8_t *at) {
  uint64_t value;
  memcpy(&value, at, 8);
  return value;
}

static void accumulate(uint64_t lanes[8], const uint8_t *stripe, const uint8_t *key) {
  for (int i = 0; i < 8; i++) {
    uint64_t value = word(stripe + 8 * i), keyed = value ^ word(key + 8 * i);
    lanes[i ^ 1] += value;
    lanes[i] += (keyed & 0xffffffff) * (keyed >> 32);
  }
}

static uint64_t fold(uint64_t a, uint64_t b) {
  unsigned __int128 product = (unsigned __int128)a * b;
  return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t xxh3(const uint8_t *data, size_t size) {
  if (size <= 240) return 0;
  uint64_t lanes[8] = {0xc2b2ae3d,         0x9e3779b185ebca87, 0xc2b2ae3d27d4eb4f, 0x165667b19e3779f9,
                       0x85ebca77c2b2ae63, 0x85ebca77,         0x27d4eb2f165667c5, 0x9e3779b1};
  size_t stripes = (size - 1) / 64;
  for (size_t i = 0; i < stripes; i++) {
    accumulate(lanes, data + 64 * i, secret + 8 * (i % 16));
    if (i % 16 != 15) continue;
    for (int lane = 0; lane < 8; lane++)
      lanes[lane] = (lanes[lane] ^ lanes[lane] >> 47 ^ word(secret + 128 + 8 * lane)) * 0x9e3779b1;
  }
  accumulate(lanes, data + size - 64, secret + 121);
  uint64_t hash = (uint64_t)size * 0x9e3779b185ebca87;
  for (int i = 0; i < 4; i++)
    hash += fold(lanes[2 * i] ^ word(secret + 11 + 16 * i), lanes[2 * i + 1] ^ word(secret + 19 + 16 * i));
  hash = (hash ^ hash >> 37) * 0x165667919e3779f9;
  return hash ^ hash >> 32;
}
