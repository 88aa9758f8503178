# pointcard. `make demo` and `make test` need Rust, a C compiler and make, nothing else.
#
#   make demo     a day at the till against an embedded sandbox
#   make sandbox  a gateway to play with: dashboard, claim page, keys for the C examples; Ctrl-C ends it
#   make test     every test this machine can run; names what a missing tool would have tested
#   make long     the long forms: more power cuts, more kills, more random tears
#   make interop  Alipay's own SDKs, from their package registries, as the other side
#   make bench-queue  the queue beside SQLite, redb and the disk itself (Linux)
#   make fleet    10,000 simulated tills come back after an outage (about a minute)
#   make lib      target/lib: libpointcard.a, libpointcard.so (.dylib, .dll)
#   make firmware the library on five Cortex-M cores in an emulator; needs arm-none-eabi-gcc, QEMU
#   make linux    ARM and 32-bit Linux under qemu-user; builds for Windows and Android
#   make bench-firmware  what a signature costs on each Cortex-M core
#   make header   refresh include/pointcard.h from the sources
#   make install  PREFIX=/usr/local: header, libraries, pkg-config file

CARGO  ?= cargo
CC     ?= cc
PREFIX ?= /usr/local
OUT    := target/lib
ABI    := 1
# What a static link needs beside the archive (rustc --print native-static-libs).
LIBS   := -lpthread -ldl -lm
# The shared library's name is its ABI; 16 KiB pages are what new Android devices have. (Not from
# build.rs: without a cdylib in the manifest cargo refuses link arguments for one.)
ifeq ($(shell uname -s),Linux)
LINK   := -- -C link-arg=-Wl,-soname,libpointcard.so.$(ABI) -C link-arg=-Wl,-z,max-page-size=16384
endif
CFLAGS := -std=c99 -D_POSIX_C_SOURCE=200809L -O2 -Wall -Wextra -Werror -Iinclude

.PHONY: demo sandbox test long interop firmware linux bench-firmware bench-queue fleet lib header checkout install clean fmt

lib: $(OUT)/libpointcard.a

# cargo knows best what is up to date. Both forms come from one compilation.
$(OUT)/libpointcard.a: FORCE
	$(CARGO) rustc --release --lib --quiet --crate-type staticlib,cdylib $(LINK)
	@mkdir -p $(OUT)
	@cp -p target/release/libpointcard.a $(OUT)/
	@cp -p target/release/libpointcard.so $(OUT)/libpointcard.so.$(ABI) 2>/dev/null && \
		ln -sf libpointcard.so.$(ABI) $(OUT)/libpointcard.so || true
FORCE:

$(OUT)/%: examples/%.c lib
	$(CC) $(CFLAGS) $< $(OUT)/libpointcard.a $(LIBS) -o $@

demo: $(OUT)/offline_day $(OUT)/redeem
	$(CARGO) run --release --quiet --example demo -- $(OUT)/offline_day $(OUT)/redeem

# Fixed ports, for the till's queue belongs to one gateway. CLAIM=0.0.0.0:8702 lets phones in.
GATEWAY ?= 127.0.0.1:8700
ADMIN   ?= 127.0.0.1:8701
CLAIM   ?= 127.0.0.1:8702
sandbox: $(OUT)/checkout $(OUT)/offline_day
	@$(CARGO) run --release --quiet -p pointcard-sandbox -- --app-id 2016100900000001 \
		--till target/sandbox/till --keys target/sandbox/alipay --ledger target/sandbox/ledger \
		--listen $(GATEWAY) --admin $(ADMIN) --claim $(CLAIM)

checkout: $(OUT)/checkout
	@echo "use: $(OUT)/checkout KEYS QUEUE GATEWAY USER_ID BIZ_NO POINTS"

test:
	sh tests/run.sh

long:
	POINTCARD_LONG=1 sh tests/run.sh

firmware:
	FOOTPRINT=$(FOOTPRINT) sh tests/firmware/run.sh

linux:
	sh tests/firmware/linux.sh

bench-firmware:
	sh tests/firmware/bench.sh

# cargo's own summary is not the last word here: the cases are counted by the test.
interop:
	@mkdir -p target/interop
	@$(CARGO) test --quiet --test interop -- --nocapture >target/interop/log 2>&1 || \
		{ cat target/interop/log; exit 1; }
	@grep '^SKIPPED TOOL' target/interop/log || true
	@grep '^interop: ' target/interop/log

bench-queue:
	@mkdir -p target/bench
	$(CARGO) run --release --quiet --manifest-path benches/queue/nor/Cargo.toml \
		--target-dir target/bench/build >target/bench/nor.json
	$(CARGO) run --release --quiet --manifest-path benches/queue/Cargo.toml \
		--target-dir target/bench/build -- target/bench/queue target/bench/nor.json target/bench/queue.json

# Fails when a goal is missed; the table is the test's own output.
fleet:
	@mkdir -p target/fleet
	@POINTCARD_LONG=1 $(CARGO) test --quiet --test fleet -- --nocapture --test-threads=1 \
		>target/fleet/log 2>&1 || { cat target/fleet/log; exit 1; }
	@sed -n 's/^.*fleet: //p' target/fleet/log

header:
	$(CARGO) build --quiet
	cp "$$($(CARGO) run --quiet --example header_path)" include/pointcard.h

fmt:
	$(CARGO) fmt --all

install: lib
	install -d $(DESTDIR)$(PREFIX)/include $(DESTDIR)$(PREFIX)/lib/pkgconfig
	install -m 644 include/pointcard.h $(DESTDIR)$(PREFIX)/include/
	install -m 644 $(OUT)/libpointcard.a $(DESTDIR)$(PREFIX)/lib/
	if [ -f $(OUT)/libpointcard.so.$(ABI) ]; then \
		install -m 755 $(OUT)/libpointcard.so.$(ABI) $(DESTDIR)$(PREFIX)/lib/ && \
		ln -sf libpointcard.so.$(ABI) $(DESTDIR)$(PREFIX)/lib/libpointcard.so; fi
	sed 's|@PREFIX@|$(PREFIX)|; s|@LIBS@|$(LIBS)|' bindings/pointcard.pc.in \
		> $(DESTDIR)$(PREFIX)/lib/pkgconfig/pointcard.pc

clean:
	$(CARGO) clean
