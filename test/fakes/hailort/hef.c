#define _GNU_SOURCE
#include "hef.h"
#include "checksum.h"
#include "journal.h"
#include "script.h"
#include "status.h"
#include <endian.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint32_t header_sizes[] = {32, 28, 44, 56};
static const uint32_t highest = AT_LEAST(4, 21, 0) ? 3 : AT_LEAST(4, 20, 0) ? 2 : 1;

static uint32_t be32_at(const uint8_t *at) {
  uint32_t value;
  memcpy(&value, at, 4);
  return be32toh(value);
}

static uint64_t be64_at(const uint8_t *at) {
  uint64_t value;
  memcpy(&value, at, 8);
  return be64toh(value);
}

static uint64_t residue_declared(const uint8_t *data, uint32_t version) {
  uint64_t proto = be32_at(data + 8);
  if (version == 0) return proto;
  if (version == 1) return proto + be64_at(data + 16);
  if (version == 2) return proto + be64_at(data + 20);
  return proto + be64_at(data + 20) + be64_at(data + 32);
}

static bool checksum_fits(const uint8_t *data, uint32_t version, const uint8_t *residue, size_t size) {
  uint8_t digest[16];
  if (version == 1) return be32_at(data + 12) == crc32(residue, size);
  if (version >= 2) return be64_at(data + 12) == xxh3(residue, size);
  md5(residue, size, digest);
  return memcmp(digest, data + 16, 16) == 0;
}

static hailo_status check_header(const uint8_t *data, size_t size, uint32_t version) {
  if (version > highest) {
    bool is_taken_for_v1 = !AT_LEAST(4, 20, 0) && be32_at(data) == 0x01484546;
    log_error("Unsupported hef version %u", version);
    return is_taken_for_v1 ? INTERNAL_FAILURE : HEF_NOT_SUPPORTED;
  }
  const uint8_t *residue = data + header_sizes[version];
  size_t residue_size = size - header_sizes[version];
  uint64_t proto_hash = version == 3 && AT_LEAST(5, 0, 0) ? be64_at(data + 40) : 0;
  if (proto_hash != 0) {
    uint32_t proto_size = be32_at(data + 8);
    return proto_size <= residue_size && xxh3(residue, proto_size) == proto_hash ? OK : HEF_FILE_CORRUPTED;
  }
  if (be32_at(data) != 0x01484546) return HEF_NOT_SUPPORTED;
  if (residue_size != residue_declared(data, version)) return HEF_FILE_CORRUPTED;
  return checksum_fits(data, version, residue, residue_size) ? OK : HEF_FILE_CORRUPTED;
}

struct hef *hef_parse(const uint8_t *data, size_t size, hailo_status *status) {
  uint32_t version = be32_at(data + 4);
  *status = check_header(data, size, version);
  if (*status != OK) {
    log_error("Failed creating HEF: status %d", *status);
    return NULL;
  }
  struct script *script = script_now();
  struct network *network = network_parse(data + header_sizes[version], be32_at(data + 8), script->has_wrong_input, script->has_wrong_output);
  if (network == NULL) {
    log_error("Failed parsing HEF: its body is not one of the stand-in");
    return *status = HEF_FILE_CORRUPTED, NULL;
  }
  if (network->has_empty_zero_points && !AT_LEAST(5, 0, 0)) {
    journal_line("hailo_create_hef crashes");
    signal(SIGSEGV, SIG_DFL);
    raise(SIGSEGV);
  }
  struct hef *hef = calloc(1, sizeof *hef);
  hef->network = network;
  hef->header_version = version;
  return hef;
}

/* The real one hashes files of header v2 and later through a chunk of 256 KiB on the caller's stack. */
static __attribute__((noinline)) size_t read_through_stack(FILE *file, uint8_t *into, size_t size) {
  volatile uint8_t chunk[256 * 1024];
  for (size_t i = sizeof chunk; i >= 4096; i -= 4096) chunk[i - 1] = 0;
  size_t total = 0;
  while (total < size) {
    size_t count = fread((void *)chunk, 1, sizeof chunk < size - total ? sizeof chunk : size - total, file);
    if (count == 0) break;
    memcpy(into + total, (const void *)chunk, count);
    total += count;
  }
  return total;
}

static uint8_t *read_whole(FILE *file, size_t *size) {
  uint8_t head[12];
  if (fread(head, 1, 12, file) != 12 || fseek(file, 0, SEEK_END) != 0) return NULL;
  *size = (size_t)ftell(file);
  uint32_t version = be32_at(head + 4);
  if (version < 4 && *size < header_sizes[version]) return NULL;
  uint8_t *data = calloc(1, *size < 64 ? 64 : *size);
  rewind(file);
  bool is_through_stack = version >= 2 && version <= highest;
  size_t got = is_through_stack ? read_through_stack(file, data, *size) : fread(data, 1, *size, file);
  if (got == *size) return data;
  free(data);
  return NULL;
}

struct hef *hef_read_file(const char *path, hailo_status *status) {
  size_t size = 0;
  FILE *file = fopen(path, "rbe");
  if (file == NULL) {
    log_error("Failed opening file %s", path);
    return *status = OPEN_FILE_FAILURE, NULL;
  }
  uint8_t *data = read_whole(file, &size);
  fclose(file);
  if (data == NULL) {
    log_error("Failed reading file %s", path);
    return *status = FILE_OPERATION_FAILURE, NULL;
  }
  struct hef *hef = hef_parse(data, size, status);
  free(data);
  if (hef != NULL) hef->path = strdup(path);
  return hef;
}

hailo_status hef_recheck(const struct hef *hef) {
  if (hef->lent != NULL && crc32(hef->lent, hef->lent_size) != hef->lent_crc) {
    log_error("the buffer of the HEF changed or was freed before configure");
    return INVALID_HEF;
  }
  if (hef->path == NULL || hef->header_version < 2) return OK;
  FILE *file = fopen(hef->path, "rbe");
  if (file == NULL) return OPEN_FILE_FAILURE;
  fclose(file);
  return OK;
}
