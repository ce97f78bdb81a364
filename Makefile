# Keylot: build, test and run. `make help` lists the targets.
#
# Every .c file below the source folders is found by wildcard: a new file needs no edit here.
# One build variant lives in one folder: build/ (optimised), build/asan, build/tsan, build/debug.

.DEFAULT_GOAL := all
MAKEFLAGS += --no-builtin-rules
SHELL := /bin/sh

VERSION := $(shell cat VERSION)
VARIANT ?=
BUILD   := build$(addprefix /,$(VARIANT))
PREFIX  ?= /usr/local

# ---- packages: the one list ------------------------------------------------------------------
# Debian package names. `make deps` installs what is missing; `make run` and `make test` call it.
DEB_PACKAGES := gcc libc6-dev libuv1-dev libjemalloc-dev liblzf-dev libmd-dev libhiredis-dev libcmocka-dev redis-tools
# Wanted by `make bench` (the peer) and `make fuzz`, `make format` (clang) only.
DEB_PACKAGES_BENCH  := redis-server
DEB_PACKAGES_PLOT   := gnuplot-nox
DEB_PACKAGES_COMPAT := redis-server tcl
DEB_PACKAGES_FUZZ   := clang libclang-rt-14-dev
DEB_PACKAGES_FORMAT := clang-format

# ---- compiler --------------------------------------------------------------------------------
CC      ?= gcc
ifeq ($(origin CC),default)
CC      := gcc
endif
WARN    := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Werror \
           -Wno-missing-field-initializers -Wno-unknown-warning-option -Wno-format-truncation
CFLAGS  ?= -g
BASE_FLAGS := -std=gnu11 -I. -I$(BUILD) -pthread -fno-omit-frame-pointer -D_GNU_SOURCE $(WARN)
OPT     := -O3 -DNDEBUG
LIBS_MALLOC := -ljemalloc
ifeq ($(VARIANT),asan)
OPT     := -O1 -DKL_DEBUG -DKL_LIBC_MALLOC -fsanitize=address,undefined -fno-sanitize-recover=all
LIBS_MALLOC :=
endif
ifeq ($(VARIANT),tsan)
OPT     := -O1 -DKL_DEBUG -DKL_LIBC_MALLOC -fsanitize=thread
LIBS_MALLOC :=
endif
ifeq ($(VARIANT),debug)
OPT     := -O0 -DKL_DEBUG
endif
ALL_CFLAGS := $(BASE_FLAGS) $(OPT) $(CFLAGS)
LIBS    := $(LIBS_MALLOC) -llzf -lmd -lm -pthread
LIBS_NET := -luv

# ---- sources ---------------------------------------------------------------------------------
FAMILIES  := $(sort $(basename $(notdir $(wildcard server/commands/*.c))))
LIB_SRCS  := $(sort $(wildcard locks/*.c datatypes/*.c resp/*.c server/engine/*.c \
             server/commands/*.c server/persist/*.c))
NET_SRCS  := $(sort $(wildcard server/net/*.c))
TLIB_SRCS := $(sort $(wildcard tests/lib/*.c))
UNIT      := $(sort $(basename $(notdir $(wildcard tests/test_*.c))))
WIRE      := $(sort $(basename $(notdir $(wildcard tests/wire_*.c tests/issue_*.c))))
TORTURE   := $(sort $(basename $(notdir $(wildcard tests/torture_*.c))))
TESTS     := $(UNIT) $(WIRE) $(TORTURE)
HEADERS   := $(sort $(wildcard locks/*.h datatypes/*.h resp/*.h server/*/*.h tests/lib/*.h tests/model/*.h \
             tests/diff/*.h \
             include/*.h))
LIB_OBJS  := $(LIB_SRCS:%.c=$(BUILD)/%.o)
NET_OBJS  := $(NET_SRCS:%.c=$(BUILD)/%.o)
TLIB_OBJS := $(TLIB_SRCS:%.c=$(BUILD)/%.o)
FORMATTED := $(LIB_SRCS) $(NET_SRCS) $(TLIB_SRCS) $(HEADERS) $(wildcard tests/*.c tests/model/*.c tests/diff/*.c bench/*.c)

SERVER := $(BUILD)/keylot-server
LIB    := $(BUILD)/libkeylot.a

.PHONY: all lib run test diff test-programs model torture wire unit asan ubsan tsan deps headers layers format \
        format-check check fuzz bench bench-locks bench-tail bench-expiry bench-memory compat install uninstall clean help FORCE

## all: build build/keylot-server and build/libkeylot.a (the default)
all: $(SERVER) $(LIB)
lib: $(LIB)

## run: install what is missing, build, and start the server on 127.0.0.1:6379 (ARGS="--port 7000")
run: deps
	@$(MAKE) --no-print-directory -j2 all
	@exec $(SERVER) $(ARGS)

## test: install what is missing, build three ways (plain, ASan+UBSan, TSan) and run every test
test: deps
	@$(MAKE) --no-print-directory headers layers
	@$(MAKE) --no-print-directory -j2 all test-programs
	@$(MAKE) --no-print-directory -j2 VARIANT=asan all test-programs
	@$(MAKE) --no-print-directory -j2 VARIANT=tsan all test-programs
	@tests/run build build/asan build/tsan

## unit, wire, torture: build and run that kind of test in one variant (VARIANT=tsan torture)
unit wire torture: all test-programs
	@tests/run --only $@ $(BUILD)

## asan, tsan: every test in that one build (ubsan is part of asan)
asan tsan:
	@$(MAKE) --no-print-directory -j2 VARIANT=$@ all test-programs
	@tests/run build/$@
ubsan: asan

## model: every interleaving of the locks (tests/test_model_*.c), also the large scenarios
model: deps
	@$(MAKE) --no-print-directory -j2 $(MODELS:%=$(BUILD)/tests/%)
	@for m in $(MODELS); do KL_MODEL=full $(BUILD)/tests/$$m || exit 1; done

## diff: N (1000000) random commands beside redis-server, from SEED (1) on, in each server mode
N    ?= 1000000
SEED ?= 1
diff: deps
	@$(MAKE) --no-print-directory -j2 all $(BUILD)/tests/wire_diff
	@KL_DIFF_COMMANDS=$(N) KL_DIFF_SEED=$(SEED) KL_DIFF_FOUND=20 $(BUILD)/tests/wire_diff

test-programs: $(TESTS:%=$(BUILD)/tests/%)

# ---- compiling -------------------------------------------------------------------------------
# X-macro list of command families, one FAMILY(name) a file of server/commands; rewritten only
# when the set of files changes.
$(BUILD)/families.inc: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(foreach f,$(FAMILIES),FAMILY($(f)))' | tr ' ' '\n' > $@.tmp; cmp -s $@.tmp $@ && rm $@.tmp || mv $@.tmp $@
FORCE:

$(BUILD)/version.inc: VERSION
	@mkdir -p $(@D)
	@printf '#define KEYLOT_VERSION "%s"\n' '$(VERSION)' > $@

$(BUILD)/%.o: %.c Makefile | $(BUILD)/families.inc $(BUILD)/version.inc
	@mkdir -p $(@D)
	@echo "  CC    $@"
	@$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@
$(BUILD)/server/engine/registry.o: $(BUILD)/families.inc

$(LIB): $(LIB_OBJS)
	@echo "  AR    $@"
	@rm -f $@ && ar rcs $@ $^

$(SERVER): $(NET_OBJS) $(LIB)
	@echo "  LINK  $@"
	@$(CC) $(ALL_CFLAGS) $(NET_OBJS) $(LIB) $(LIBS_NET) $(LIBS) -o $@

$(BUILD)/tests/%: $(BUILD)/tests/%.o $(TLIB_OBJS) $(LIB)
	@echo "  LINK  $@"
	@$(CC) $(ALL_CFLAGS) $< $(TLIB_OBJS) $(LIB) -lcmocka -lhiredis $(LIBS) -o $@

# The differential test is of several files.
DIFF_OBJS := $(patsubst %.c,$(BUILD)/%.o,$(sort $(wildcard tests/diff/*.c)))
$(BUILD)/tests/wire_diff: $(BUILD)/tests/wire_diff.o $(DIFF_OBJS) $(TLIB_OBJS) $(LIB)
	@echo "  LINK  $@"
	@$(CC) $(ALL_CFLAGS) $^ -lcmocka -lhiredis $(LIBS) -o $@

# tests/test_model_*.c run the locks' own sources under an explorer of interleavings: compiled once
# more, with assertions, and with atomics.h in front, which makes each atomic operation a step.
# Optimised in every variant: fewer dead values on the stacks make fewer states.
MODELS       := $(sort $(basename $(notdir $(wildcard tests/test_model_*.c))))
MODEL_CFLAGS := $(filter-out -DNDEBUG -DKL_DEBUG,$(ALL_CFLAGS)) -O2 -include tests/model/atomics.h
MODEL_OBJS   := $(patsubst %,$(BUILD)/model/%.o,tests/model/explore tests/model/around \
                locks/condvar locks/keylock locks/mutex locks/once locks/rwlock)
define link_model
@mkdir -p $(@D)
@echo "  LINK  $@"
@$(CC) $(ALL_CFLAGS) $^ -lcmocka $(LIBS) -o $@
endef
$(BUILD)/model/%.o: %.c Makefile
	@mkdir -p $(@D)
	@echo "  CC    $@"
	@$(CC) $(MODEL_CFLAGS) -MMD -MP -c $< -o $@
$(BUILD)/tests/test_model_lot: $(BUILD)/model/tests/test_model_lot.o $(BUILD)/model/tests/model/real_lot.o $(MODEL_OBJS)
	$(link_model)
$(BUILD)/tests/test_model_%: $(BUILD)/model/tests/test_model_%.o $(BUILD)/model/tests/model/lot.o $(MODEL_OBJS)
	$(link_model)

$(BUILD)/bench/%: $(BUILD)/bench/%.o $(LIB)
	@echo "  LINK  $@"
	@$(CC) $(ALL_CFLAGS) $< $(LIB) -lhiredis $(LIBS) -o $@

# A bench of several files: those whose names begin with its name, and bench/common.c.
bench_objs = $(patsubst %.c,$(BUILD)/%.o,$(sort $(wildcard bench/$(1)*.c) bench/common.c))
$(BUILD)/bench/locks: $(call bench_objs,locks) $(LIB)
$(BUILD)/bench/tail: $(call bench_objs,tail)
$(BUILD)/bench/expiry: $(patsubst %,$(BUILD)/bench/%.o,expiry tail_conn tail_probe tail_rows tail_server common)
$(BUILD)/bench/locks $(BUILD)/bench/tail $(BUILD)/bench/expiry:
	@echo "  LINK  $@"
	@$(CC) $(ALL_CFLAGS) $^ $(LIBS) -o $@

.SECONDARY:
-include $(shell find build -name '*.d' 2>/dev/null)

# ---- checks ----------------------------------------------------------------------------------
## headers: every header compiles alone
headers: $(BUILD)/families.inc $(BUILD)/version.inc
	@for h in $(HEADERS); do \
	  printf '#include "%s"\n' $$h | $(CC) $(BASE_FLAGS) -Wno-unused-function -fsyntax-only -x c - \
	  || { echo "header $$h does not compile alone"; exit 1; }; done; echo "headers: ok"

## layers: includes go one way only (docs/ARCHITECTURE.md)
layers:
	@tests/layers

## format, format-check: clang-format over the tree
format:
	clang-format -i $(FORMATTED)
format-check:
	@clang-format --dry-run -Werror $(FORMATTED)

## check: headers, layers, format-check and test
check: headers layers format-check test

## fuzz: run the fuzz targets of the RESP parser and of RESTORE's payloads, FUZZ_SECONDS (30) each
FUZZ_SECONDS ?= 30
FUZZ_CC := clang -std=gnu11 -I. -g -O1 -D_GNU_SOURCE -pthread -DKL_DEBUG -DKL_LIBC_MALLOC \
           -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all
FUZZ_RDB_SRCS := tests/fuzz_rdb.c datatypes/*.c locks/*.c tests/lib/type_fixture.c \
                 tests/lib/redis_payloads.c tests/lib/strbuf.c tests/lib/value_text.c
fuzz:
	@$(MAKE) --no-print-directory deps DEB_PACKAGES="$(DEB_PACKAGES) $(DEB_PACKAGES_FUZZ)"
	@mkdir -p build/fuzz/corpus build/fuzz/corpus-rdb
	$(FUZZ_CC) tests/fuzz_resp.c resp/*.c -o build/fuzz/resp
	build/fuzz/resp -artifact_prefix=build/fuzz/ -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=2048 build/fuzz/corpus
	$(FUZZ_CC) $(FUZZ_RDB_SRCS) -llzf -lmd -lm -o build/fuzz/rdb
	build/fuzz/rdb -artifact_prefix=build/fuzz/ -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=2048 build/fuzz/corpus-rdb

## bench: redis-benchmark against Keylot and redis-server in one run, with ratios
bench:
	@$(MAKE) --no-print-directory deps DEB_PACKAGES="$(DEB_PACKAGES) $(DEB_PACKAGES_BENCH)"
	@$(MAKE) --no-print-directory -j2 all
	@bench/run

## bench-locks: the locks beside pthread's, into bench/results/locks.txt and docs/locks-*.svg
bench-locks:
	@$(MAKE) --no-print-directory deps DEB_PACKAGES="$(DEB_PACKAGES) $(DEB_PACKAGES_PLOT)"
	@$(MAKE) --no-print-directory -j2 $(BUILD)/bench/locks
	@bench/locks_run.sh $(BUILD)/bench/locks

## bench-tail: small commands beside heavy ones, into bench/results/tail.txt and docs/tail.svg
bench-tail:
	@$(MAKE) --no-print-directory deps \
	  DEB_PACKAGES="$(DEB_PACKAGES) $(DEB_PACKAGES_BENCH) $(DEB_PACKAGES_PLOT)"
	@$(MAKE) --no-print-directory -j2 all $(BUILD)/bench/tail
	@bench/tail_run.sh $(BUILD)/bench/tail

## bench-memory: resident bytes a key, into bench/results/memory.txt
bench-memory:
	@$(MAKE) --no-print-directory deps DEB_PACKAGES="$(DEB_PACKAGES) $(DEB_PACKAGES_BENCH)"
	@$(MAKE) --no-print-directory -j2 all
	@bench/memory_run.sh

## compat: Redis's own test suite, from Debian's source package, against this server
compat:
	@$(MAKE) --no-print-directory deps DEB_PACKAGES="$(DEB_PACKAGES) $(DEB_PACKAGES_COMPAT)"
	@$(MAKE) --no-print-directory -j2 all
	@tests/compat $(SERVER) $(UNITS)

## bench-expiry: what it takes to remove keys that expire, into bench/results/expiry.txt
bench-expiry:
	@$(MAKE) --no-print-directory deps DEB_PACKAGES="$(DEB_PACKAGES) $(DEB_PACKAGES_BENCH)"
	@$(MAKE) --no-print-directory -j2 all $(BUILD)/bench/expiry
	@bench/expiry_run.sh $(BUILD)/bench/expiry

# ---- installing ------------------------------------------------------------------------------
## deps: install the missing Debian packages (needs root or sudo only when some are missing)
deps:
	@tests/deps $(DEB_PACKAGES)

## install, uninstall: the server, the library and the example configuration, under PREFIX
install: all
	install -D -m 755 $(SERVER) $(DESTDIR)$(PREFIX)/bin/keylot-server
	install -D -m 644 $(LIB) $(DESTDIR)$(PREFIX)/lib/libkeylot.a
	install -D -m 644 redis.conf.example $(DESTDIR)$(PREFIX)/share/keylot/redis.conf.example
uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/keylot-server $(DESTDIR)$(PREFIX)/lib/libkeylot.a
	rm -rf $(DESTDIR)$(PREFIX)/share/keylot

## clean: remove build/
clean:
	rm -rf build

## help: this list
help:
	@sed -n 's/^## //p' Makefile
