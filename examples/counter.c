/* A state machine in C: a counter that is raised by as much as a command has bytes. How it speaks, in CBOR: docs/process.md.
 *   cc -O2 -o counter counter.c
 * It has no named operations, so what clients send reaches it as it is, and so do its results. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t count;  /* the state */
static int handed_out;  /* of a snapshot */
static uint64_t frozen;

/* ---- what comes in: a cursor over one message ---- */

static const uint8_t *at, *end;

static void fail(const char *why) {
  fprintf(stderr, "%s\n", why);
  exit(1);
}

/* The head of the next item: its major type, and its argument. */
static int head(uint64_t *argument) {
  if (at >= end) fail("a message ends too early");
  int major = *at >> 5, low = *at & 31;
  at++;
  if (low < 24) {
    *argument = (uint64_t)low;
    return major;
  }
  if (low > 27 || end - at < 1 << (low - 24)) fail("a message is not CBOR as Graft writes it");
  *argument = 0;
  for (int left = 1 << (low - 24); left > 0; left--) *argument = *argument << 8 | *at++;
  return major;
}

static void skip(void) {
  uint64_t n;
  int major = head(&n);
  if (major == 2 || major == 3) at += n;
  else if (major == 4) while (n-- > 0) skip();
  else if (major == 5) for (n *= 2; n > 0; n--) skip();
  if (at > end) fail("a message ends too early");
}

/* Moves to the value of this key in the map that begins here; 0: there is none. */
static int find(const char *key) {
  uint64_t pairs, length;
  if (head(&pairs) != 5) fail("a map was due");
  for (; pairs > 0; pairs--) {
    if (head(&length) != 3 || (uint64_t)(end - at) < length) fail("a key was due");
    const uint8_t *name = at;
    at += length;
    if (length == strlen(key) && memcmp(name, key, length) == 0) return 1;
    skip();
  }
  return 0;
}

/* ---- what goes out ---- */

static uint8_t *out;
static size_t used, room;

static void put(const void *bytes, size_t length) {
  if (used + length > room && !(out = realloc(out, room = 2 * (used + length)))) fail("no memory");
  memcpy(out + used, bytes, length);
  used += length;
}

/* As short as possible: Graft refuses longer forms. */
static void put_head(int major, uint64_t n) {
  uint8_t bytes[9];
  int width = n < 24 ? 0 : n < 1 << 8 ? 1 : n < 1 << 16 ? 2 : n < (uint64_t)1 << 32 ? 4 : 8;
  bytes[0] = (uint8_t)(major << 5 | (width == 0 ? (int)n : width == 1 ? 24 : width == 2 ? 25 : width == 4 ? 26 : 27));
  for (int i = 0; i < width; i++) bytes[1 + i] = (uint8_t)(n >> 8 * (width - 1 - i));
  put(bytes, 1 + (size_t)width);
}

static void put_text(const char *text) {
  put_head(3, strlen(text));
  put(text, strlen(text));
}

static void put_boolean(int value) { put(value ? "\xf5" : "\xf4", 1); }

/* A map with so many pairs, of which the type is the first. */
static void begin(int pairs, const char *type) {
  used = 0;
  put_head(5, (uint64_t)pairs);
  put_text("type");
  put_text(type);
}

static void send_message(void) {
  uint8_t length[4] = {(uint8_t)(used >> 24), (uint8_t)(used >> 16), (uint8_t)(used >> 8), (uint8_t)used};
  if (fwrite(length, 1, 4, stdout) != 4 || fwrite(out, 1, used, stdout) != used || fflush(stdout) != 0) exit(0);
}

/* {"ok": the count in decimal digits} */
static void put_count(void) {
  char digits[24];
  int length = snprintf(digits, sizeof digits, "%llu", (unsigned long long)count);
  put_head(5, 1);
  put_text("ok");
  put_head(2, (uint64_t)length);
  put(digits, (size_t)length);
}

/* ---- the state machine ---- */

static void apply(const uint8_t *message) {
  uint64_t commands, length, index = 0;
  at = message;
  if (!find("commands") || head(&commands) != 4) fail("apply has no commands");
  begin(3, "applied");
  put_text("results");
  put_head(4, commands);
  for (; commands > 0; commands--) {
    const uint8_t *command = at;
    if (!find("index") || head(&index) != 0) fail("a command has no index");
    at = command;
    if (!find("payload") || head(&length) != 2) fail("a command has no payload");
    count += length;
    put_count();
    at = command;
    skip();
  }
  put_text("through");
  put_head(0, index);
}

static void query(const uint8_t *message) {
  uint64_t queries;
  at = message;
  if (!find("queries") || head(&queries) != 4) fail("query has no queries");
  begin(2, "answered");
  put_text("results");
  put_head(4, queries);
  while (queries-- > 0) put_count();
}

/* The snapshot has one item: the count in eight bytes. */
static void read_snapshot(void) {
  begin(3, "items");
  put_text("items");
  put_head(4, handed_out ? 0 : 1);
  if (!handed_out) {
    put_head(2, sizeof frozen);
    put(&frozen, sizeof frozen);
  }
  handed_out = 1;
  put_text("last");
  put_boolean(1);
}

static void take_items(const uint8_t *message) {
  uint64_t items, length;
  at = message;
  if (!find("items") || head(&items) != 4) fail("there are no items");
  while (items-- > 0) {
    if (head(&length) != 2 || length != sizeof count) fail("an item is not eight bytes");
    memcpy(&count, at, sizeof count);
    at += length;
  }
}

static void answer(const uint8_t *message) {
  uint64_t length;
  at = message;
  if (!find("type") || head(&length) != 3) fail("a message has no type");
  const char *type = (const char *)at;
#define IS(word) (length == strlen(word) && memcmp(type, word, length) == 0)
  if (IS("apply")) apply(message);
  else if (IS("query")) query(message);
  else if (IS("read")) read_snapshot();
  else {
    if (IS("snapshot")) frozen = count, handed_out = 0;
    if (IS("restore")) count = 0;
    if (IS("items")) take_items(message);
    begin(1, "done");
  }
  send_message();
}

int main(void) {
  begin(5, "hello");
  put_text("graft");
  put_head(0, 1);
  put_text("name");
  put_text("counter-c");
  put_text("version");
  put_text("1.0.0");
  put_text("snapshots");
  put_boolean(1);
  send_message();
  uint8_t length[4];
  while (fread(length, 1, 4, stdin) == 4) {
    size_t bytes = (size_t)length[0] << 24 | (size_t)length[1] << 16 | (size_t)length[2] << 8 | length[3];
    uint8_t *message = malloc(bytes + 1);
    if (!message || fread(message, 1, bytes, stdin) != bytes) return 1;
    end = message + bytes;
    answer(message);
    free(message);
  }
  return 0;
}
