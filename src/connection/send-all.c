/*
 * One frame to many sockets: send() in a loop, in one call from JavaScript.
 *
 * In JavaScript each of them is a call out of it, with arguments to be checked, and what it touches pushes out of the processor's caches what
 * the kernel has just used there: a delivery costs a fifth to a third more (bench/fanout, with NODE_OPTIONS=--no-addons).
 */

#include <stdint.h>
#include <sys/socket.h>

#define NAPI_VERSION 8
#include <node_api.h>

/* What an Int32Array holds, or NULL for anything else, and for one with fewer than `count`. */
static int32_t *int32s_of(napi_env env, napi_value array, size_t count) {
  napi_typedarray_type type;
  size_t length;
  void *data;
  if (napi_get_typedarray_info(env, array, &type, &length, &data, NULL, NULL) != napi_ok) return NULL;
  return type == napi_int32_array && length >= count ? data : NULL;
}

/*
 * sendAll(descriptors: Int32Array, start, end, bytes: Uint8Array, taken: Int32Array): boolean. See send-all.ts.
 *
 * It never waits. Whatever goes wrong with a socket is "nothing taken": whoever writes the rest is told what it was.
 */
static napi_value send_all(napi_env env, napi_callback_info info) {
  napi_value given[5], result;
  size_t given_count = 5, length = 0;
  uint32_t start, end;
  int32_t *descriptors, *taken;
  void *bytes;
  bool is_whole = true;

  if (napi_get_cb_info(env, info, &given_count, given, NULL, NULL) != napi_ok ||
      napi_get_value_uint32(env, given[1], &start) != napi_ok ||
      napi_get_value_uint32(env, given[2], &end) != napi_ok ||
      (descriptors = int32s_of(env, given[0], end)) == NULL ||
      napi_get_typedarray_info(env, given[3], NULL, &length, &bytes, NULL, NULL) != napi_ok ||
      (taken = int32s_of(env, given[4], end)) == NULL) {
    napi_throw_type_error(env, NULL, "sendAll takes descriptors, start, end, bytes, taken");
    return NULL;
  }
  for (uint32_t at = start; at < end; at++) {
    ssize_t sent = send(descriptors[at], bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
    taken[at] = sent < 0 ? 0 : (int32_t)sent;
    is_whole &= sent == (ssize_t)length;
  }
  napi_get_boolean(env, is_whole, &result);
  return result;
}

NAPI_MODULE_INIT() {
  napi_value function;
  if (napi_create_function(env, "sendAll", NAPI_AUTO_LENGTH, send_all, NULL, &function) != napi_ok ||
      napi_set_named_property(env, exports, "sendAll", function) != napi_ok)
    return NULL;
  return exports;
}
