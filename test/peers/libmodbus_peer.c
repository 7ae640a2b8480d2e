/*
 * libmodbus as a slave and as a master, for tests.
 *
 *   libmodbus_peer slave tcp                  listens on 127.0.0.1, prints "ready <port>"
 *   libmodbus_peer slave rtu <device> <unit>  19200 Bd, 8E1, prints "ready"
 *   libmodbus_peer master tcp <port> <unit> <operation>...
 *   libmodbus_peer master rtu <device> <unit> <operation>...
 *
 * A slave has 200 addresses in each table, and refuses others. It starts with input register n = 3 n + 1, holding
 * register n = n, coil n = whether n is odd, discrete input n = whether n is even; masters may write.
 *
 * Operations: holding <address> <count>, input ..., coils ..., discrete ...; set <address> <value>, setbit ...;
 * many <address> <count> <first value> (counting up from it); mask <address> <and> <or>. Each prints a line: the
 * values, "done", or "refused: <why>".
 */
#include <arpa/inet.h>
#include <errno.h>
#include <modbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ADDRESSES = 200 };

static modbus_mapping_t *mapping(void) {
  modbus_mapping_t *map = modbus_mapping_new(ADDRESSES, ADDRESSES, ADDRESSES, ADDRESSES);
  for (int n = 0; map != NULL && n < ADDRESSES; n++) {
    map->tab_input_registers[n] = 3 * n + 1;
    map->tab_registers[n] = n;
    map->tab_bits[n] = n % 2;
    map->tab_input_bits[n] = n % 2 == 0;
  }
  return map;
}

/* Answers until the connection or the line is lost. */
static void serve(modbus_t *context, modbus_mapping_t *map) {
  uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH];
  for (;;) {
    int length = modbus_receive(context, query);
    if (length > 0) modbus_reply(context, query, length, map);
    else if (length < 0 && (errno == ECONNRESET || errno == EIO || errno == EBADF || errno == ENXIO)) return;
  }
}

static int tcp_slave(modbus_mapping_t *map) {
  modbus_t *context = modbus_new_tcp("127.0.0.1", 0);
  int listening = modbus_tcp_listen(context, 1);
  struct sockaddr_in at;
  socklen_t size = sizeof at;
  if (listening < 0 || getsockname(listening, (struct sockaddr *)&at, &size) < 0) return 1;
  printf("ready %d\n", ntohs(at.sin_port));
  fflush(stdout);
  while (modbus_tcp_accept(context, &listening) >= 0) {
    serve(context, map);
    modbus_close(context);
  }
  return 1;
}

static modbus_t *rtu(const char *device, const char *unit) {
  modbus_t *context = modbus_new_rtu(device, 19200, 'E', 8, 1);
  if (context != NULL) modbus_set_slave(context, atoi(unit));
  return context;
}

static int rtu_slave(modbus_mapping_t *map, const char *device, const char *unit) {
  modbus_t *context = rtu(device, unit);
  if (context == NULL || modbus_connect(context) < 0) return 1;
  printf("ready\n");
  fflush(stdout);
  serve(context, map);
  return 0;
}

static void tell_words(int count, const uint16_t *words) {
  for (int n = 0; n < count; n++) printf(n == 0 ? "%u" : " %u", words[n]);
  printf("\n");
}

static void tell_bits(int count, const uint8_t *bits) {
  for (int n = 0; n < count; n++) printf(n == 0 ? "%u" : " %u", bits[n]);
  printf("\n");
}

/* Does one operation. Returns how many arguments it took, 0 if it is none. */
static int operate(modbus_t *context, int left, char **given) {
  uint16_t words[MODBUS_MAX_READ_REGISTERS];
  uint8_t bits[MODBUS_MAX_READ_BITS];
  if (left < 3) return 0;
  const char *what = given[0];
  int address = atoi(given[1]), second = atoi(given[2]), took = 3, result;
  if (!strcmp(what, "holding")) result = modbus_read_registers(context, address, second, words);
  else if (!strcmp(what, "input")) result = modbus_read_input_registers(context, address, second, words);
  else if (!strcmp(what, "coils")) result = modbus_read_bits(context, address, second, bits);
  else if (!strcmp(what, "discrete")) result = modbus_read_input_bits(context, address, second, bits);
  else if (!strcmp(what, "set")) result = modbus_write_register(context, address, second);
  else if (!strcmp(what, "setbit")) result = modbus_write_bit(context, address, second);
  else if (left < 4) return 0;
  else {
    int third = atoi(given[3]);
    took = 4;
    if (!strcmp(what, "many") && second <= MODBUS_MAX_WRITE_REGISTERS) {
      for (int n = 0; n < second; n++) words[n] = third + n;
      result = modbus_write_registers(context, address, second, words);
    } else if (!strcmp(what, "mask")) result = modbus_mask_write_register(context, address, second, third);
    else return 0;
  }
  if (result < 0) printf("refused: %s\n", modbus_strerror(errno));
  else if (!strcmp(what, "holding") || !strcmp(what, "input")) tell_words(result, words);
  else if (!strcmp(what, "coils") || !strcmp(what, "discrete")) tell_bits(result, bits);
  else printf("done\n");
  return took;
}

static int master(modbus_t *context, const char *unit, int left, char **given) {
  if (context == NULL) return 1;
  modbus_set_slave(context, atoi(unit));
  modbus_set_response_timeout(context, 1, 0);
  if (modbus_connect(context) < 0) {
    fprintf(stderr, "no connection: %s\n", modbus_strerror(errno));
    return 1;
  }
  while (left > 0) {
    int took = operate(context, left, given);
    if (took == 0) return 2;
    left -= took;
    given += took;
  }
  modbus_close(context);
  modbus_free(context);
  return 0;
}

int main(int count, char **given) {
  int is_tcp = count > 2 && !strcmp(given[2], "tcp");
  if (count > 2 && !strcmp(given[1], "slave")) {
    modbus_mapping_t *map = mapping();
    if (map == NULL) return 1;
    if (is_tcp) return tcp_slave(map);
    if (count > 4) return rtu_slave(map, given[3], given[4]);
  } else if (count > 5 && !strcmp(given[1], "master")) {
    modbus_t *context = is_tcp ? modbus_new_tcp("127.0.0.1", atoi(given[3])) : rtu(given[3], given[4]);
    return master(context, given[4], count - 5, given + 5);
  }
  fprintf(stderr, "see the head of the source\n");
  return 2;
}
