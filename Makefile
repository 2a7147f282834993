# SPDX-License-Identifier: MIT
# Every task starts here; `make help` lists them. All that is made goes to build/.
#
#   RELEASE=1   optimized image without debug checks          CLANG=1   clang and lld in the place of gcc and ld
#   DEBUG=1     run-* wait for GDB on port 1234               V=1       show the commands

jobs := $(shell nproc 2>/dev/null || echo 2)
MAKEFLAGS += --no-builtin-rules --no-builtin-variables --no-print-directory
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(jobs)
endif
SHELL := /bin/bash
.DELETE_ON_ERROR:
.DEFAULT_GOAL := image

q := $(if $(V),,@)
say = @printf '  %-8s %s\n' $(1) $(2)

deps := build/deps
variant := $(if $(CLANG),-clang)$(if $(RELEASE),-release)

warnings := -Wall -Wextra -Wconversion -Wshadow -Wmissing-prototypes -Wvla -Wstrict-prototypes -Werror
# libfdt is not ours: its warnings are not ours either.
libfdt_names := fdt fdt_addresses fdt_empty_tree fdt_ro fdt_rw fdt_strerror fdt_sw fdt_wip
# ASSUME_LATEST: fdt_header_ok lets no tree older than version 17 pass, so it need not be asked at each byte of a name.
libfdt_flags := -DFDT_ASSUME_MASK=4
find_sources = $(sort $(shell find $(wildcard $(1)) -name '*.c' -o -name '*.S' 2>/dev/null))

#---------------------------------------------------------------------------------------------------------------------
# What is installed and fetched

.PHONY: tools unit-tools
tools:
	@scripts/setup
unit-tools:
	@scripts/setup unit

$(deps)/libfdt/libfdt.h: | unit-tools
	@scripts/fetch libfdt
$(libfdt_names:%=$(deps)/libfdt/%.c): $(deps)/libfdt/libfdt.h ;
$(deps)/kernel/Image: | tools
	@scripts/fetch kernel
$(deps)/busybox: | tools
	@scripts/fetch busybox

#---------------------------------------------------------------------------------------------------------------------
# The image

hyp := build/hyp$(variant)
hyp_sources := $(filter-out src/arch/aarch64/offsets.c, \
	$(call find_sources,src/lib src/arch/aarch64 src/core src/drivers src/role/hyp src/plat/qemu_virt))
hyp_objects := $(patsubst src/%,$(hyp)/obj/%.o,$(basename $(hyp_sources))) $(libfdt_names:%=$(hyp)/libfdt/%.o)

ifdef CLANG
target_cc := clang-19 --target=aarch64-linux-gnu
target_ld := ld.lld-19
else
target_cc := aarch64-linux-gnu-gcc
# The file is copied to memory as a whole; boot.S and the maps that it makes keep writing and executing apart.
target_ld := aarch64-linux-gnu-ld --no-warn-rwx-segments
endif
target_nm := aarch64-linux-gnu-nm
target_objcopy := aarch64-linux-gnu-objcopy
target_size := aarch64-linux-gnu-size

# No header of a C library may get in: only the compiler's own, and src/lib/libc for libfdt.
target_flags = -std=c17 -g -O2 -ffreestanding -march=armv8-a -mgeneral-regs-only -mstrict-align \
	-mno-outline-atomics -mbranch-protection=standard -fpie -fno-common -ffunction-sections -fdata-sections \
	-fno-strict-aliasing -fno-delete-null-pointer-checks
no_libc = -nostdinc -isystem $(compiler_include)
compiler_include = $(eval compiler_include := $(shell $(target_cc) -print-file-name=include))$(compiler_include)
hyp_flags = $(target_flags) -fvisibility=hidden -include src/arch/aarch64/impl/hidden.h -fstack-protector-strong \
	-fno-omit-frame-pointer $(if $(RELEASE),-DNDEBUG) -Isrc -Isrc/arch/aarch64 -I$(hyp)/gen \
	-isystem $(deps)/libfdt -isystem src/lib/libc $(no_libc)
hyp_ldflags := -pie --no-dynamic-linker --hash-style=sysv -z norelro -z text -z noexecstack -z norelro -z max-page-size=4096 --gc-sections --build-id=none

image: $(hyp)/trivet-hyp.img ## build the hypervisor's image (the default)
.PHONY: image

$(hyp)/obj/%.o: src/%.c Makefile | tools $(deps)/libfdt/libfdt.h
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(q)$(target_cc) $(hyp_flags) $(warnings) -MMD -MP -c -o $@ $<

$(hyp)/obj/%.o: src/%.S $(hyp)/gen/offsets.h Makefile | tools
	$(call say,AS,$<)
	@mkdir -p $(@D)
	$(q)$(target_cc) $(hyp_flags) -MMD -MP -c -o $@ $<

$(hyp)/libfdt/%.o: $(deps)/libfdt/%.c Makefile | tools
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(q)$(target_cc) $(hyp_flags) -O3 -finline-limit=2000 $(libfdt_flags) -w -c -o $@ $<

# Structure offsets for the assembly: offsets.c compiles to lines .ascii "->NAME VALUE".
$(hyp)/gen/offsets.h: src/arch/aarch64/offsets.c Makefile | tools $(deps)/libfdt/libfdt.h
	$(call say,GEN,$@)
	@mkdir -p $(@D)
	$(q)$(target_cc) $(hyp_flags) $(warnings) -fno-lto -MMD -MP -MT $@ -MF $(@:.h=.d) -S -o $(@:.h=.s) $<
	@{ echo '/* Generated from $<. */'; sed -n 's/.*"->\([A-Za-z0-9_]*\) [#$$]*\(-\{0,1\}[0-9][0-9]*\).*/#define \1 \2/p' \
		$(@:.h=.s); } > $@

$(hyp)/gen/image.lds: src/arch/aarch64/image.lds Makefile | tools
	@mkdir -p $(@D)
	$(q)$(target_cc) -E -P -x assembler-with-cpp -Isrc -MMD -MP -MT $@ -MF $(@:.lds=.lds.d) -o $@ $<

# The panic report's symbols: a first link with an empty table gives the addresses, a second puts the table in. The
# table stands behind the code, so no address changes; a third table made from the result proves it.
define link_hyp
$(call say,LD,$@)
$(q)$(target_ld) $(hyp_ldflags) -T $(hyp)/gen/image.lds -Map $(@:.elf=.map) -o $@ $(hyp_objects) $(1)
endef

$(hyp)/gen/no-ksyms.S: scripts/ksyms
	@mkdir -p $(@D)
	@scripts/ksyms </dev/null >$@
$(hyp)/gen/ksyms.S: $(hyp)/trivet-hyp-1.elf scripts/ksyms
	@$(target_nm) -n $< | scripts/ksyms >$@
$(hyp)/gen/%.o: $(hyp)/gen/%.S | tools
	$(q)$(target_cc) $(hyp_flags) -c -o $@ $<
$(hyp)/trivet-hyp-1.elf: $(hyp_objects) $(hyp)/gen/no-ksyms.o $(hyp)/gen/image.lds
	$(call link_hyp,$(hyp)/gen/no-ksyms.o)
$(hyp)/trivet-hyp.elf: $(hyp)/gen/ksyms.o $(hyp)/trivet-hyp-1.elf
	$(call link_hyp,$<)
	@$(target_nm) -n $@ | scripts/ksyms | cmp -s - $(hyp)/gen/ksyms.S || \
		{ echo "$@: the symbol table moved the code"; exit 1; }
$(hyp)/trivet-hyp.img: $(hyp)/trivet-hyp.elf
	$(call say,IMAGE,$@)
	$(q)$(target_objcopy) -O binary $< $@

#---------------------------------------------------------------------------------------------------------------------
# Unit tests: every test/unit/**/test_*.c is a program of its own, linked with all the sources that run on the
# developer's machine.

# What only the real machine can run.
target_only := src/role/hyp/main.c src/core/sys/panic.c src/core/sys/log.c src/lib/libc/string.c
host_sources := $(filter-out $(target_only),$(filter %.c,$(call find_sources,src/lib src/core src/ffa src/role/hyp \
	src/arch/host)))
unit_sources := $(filter %.c,$(call find_sources,test/unit))
unit_tests := $(foreach s,$(unit_sources),$(if $(filter test_%,$(notdir $s)),$s))
unit_programs := $(patsubst test/%.c,build/%,$(if $(ONLY), \
	$(foreach n,$(ONLY),$(filter %/test_$(n:test_%=%).c,$(unit_tests))),$(unit_tests)))
host_flags := -g -Isrc -Isrc/arch/host -isystem $(deps)/libfdt -fno-omit-frame-pointer -fno-common
unit_cc := gcc
unit_flags := -std=gnu17 -O1 $(host_flags) -Itest/unit -fsanitize=address,undefined -fno-sanitize-recover=all

# host_objects DIRECTORY: the objects of all host sources and of the helpers beside the unit tests.
host_objects = $(patsubst src/%.c,$(1)/src/%.o,$(host_sources)) $(libfdt_names:%=$(1)/libfdt/%.o)
unit_objects := $(call host_objects,build/unit/obj) \
	$(patsubst test/unit/%.c,build/unit/obj/test/%.o,$(filter-out $(unit_tests),$(unit_sources)))

# A source that does not compile fails the run, but the tests that do not need it still run.
unit: ## host unit tests under ASan and UBSan; ONLY='stage2 ...' chooses, SEED=n replays
	+$(q)$(MAKE) -k unit-objects; objects=$$?; $(MAKE) -k unit-programs; \
		scripts/run-unit $(unit_programs) && if [ $$objects -ne 0 ]; then echo "some sources do not compile"; exit 1; fi
.PHONY: unit unit-objects unit-programs
unit-objects: $(unit_objects)
unit-programs: $(unit_programs)

build/unit/obj/src/%.o: src/%.c Makefile | $(deps)/libfdt/libfdt.h
	@mkdir -p $(@D) && rm -f $@
	$(q)$(unit_cc) $(unit_flags) $(warnings) -MMD -MP -c -o $@ $<
build/unit/obj/test/%.o: test/unit/%.c Makefile | $(deps)/libfdt/libfdt.h
	@mkdir -p $(@D) && rm -f $@
	$(q)$(unit_cc) $(unit_flags) -Wall -Wextra -Wshadow -Werror -MMD -MP -c -o $@ $<
build/unit/obj/libfdt/%.o: $(deps)/libfdt/%.c Makefile
	@mkdir -p $(@D) && rm -f $@
	$(q)$(unit_cc) $(unit_flags) $(libfdt_flags) -w -c -o $@ $<
build/unit/libtrivet.a: $(wildcard $(unit_objects))
	@rm -f $@
	$(q)ar qcs $@ $^
$(unit_programs): build/%: test/%.c build/unit/libtrivet.a Makefile
	@mkdir -p $(@D) && rm -f $@
	$(q)$(unit_cc) $(unit_flags) -Wall -Wextra -Wshadow -Werror -MMD -MP -MF $@.d -MT $@ -o $@ $< build/unit/libtrivet.a \
		-lcmocka -lpthread

#---------------------------------------------------------------------------------------------------------------------
# Fuzzing: test/fuzz/fuzz_NAME.c, seeds in test/fuzz/corpus/NAME, inputs that once crashed in test/fuzz/crashes/NAME

fuzz_programs := $(patsubst test/fuzz/fuzz_%.c,build/fuzz/fuzz_%,$(wildcard test/fuzz/fuzz_*.c))
fuzz_flags := -std=gnu17 -O1 $(host_flags) -fno-sanitize-recover=all
fuzz_objects := $(call host_objects,build/fuzz/obj)
TIME ?= 60
SMOKE_TIME ?= 10

fuzz: fuzz-programs ## fuzz one reader or device: FUZZ=name [TIME=seconds]
	@$(if $(FUZZ),,echo "FUZZ= one of: $(fuzz_programs:build/fuzz/fuzz_%=%)"; exit 1)
	@scripts/run-fuzz $(TIME) build/fuzz/fuzz_$(FUZZ)
fuzz-smoke: fuzz-programs ## fuzz each target for SMOKE_TIME (10) seconds and replay old crashes
	@scripts/run-fuzz $(SMOKE_TIME) $(fuzz_programs)
fuzz-programs: $(fuzz_programs)
.PHONY: fuzz fuzz-smoke fuzz-programs

build/fuzz/obj/src/%.o: src/%.c Makefile | tools $(deps)/libfdt/libfdt.h
	@mkdir -p $(@D) && rm -f $@
	$(q)clang-19 $(fuzz_flags) $(warnings) -fsanitize=fuzzer-no-link,address,undefined -MMD -MP -c -o $@ $<
build/fuzz/obj/libfdt/%.o: $(deps)/libfdt/%.c Makefile | tools
	@mkdir -p $(@D) && rm -f $@
	$(q)clang-19 $(fuzz_flags) $(libfdt_flags) -w -fsanitize=fuzzer-no-link,address,undefined -c -o $@ $<
build/fuzz/libtrivet.a: $(fuzz_objects)
	@rm -f $@
	$(q)ar qcs $@ $^
$(fuzz_programs): build/fuzz/%: test/fuzz/%.c build/fuzz/libtrivet.a Makefile
	$(call say,FUZZER,$@)
	$(q)clang-19 $(fuzz_flags) -Wall -Wextra -Wshadow -Werror -fsanitize=fuzzer,address,undefined \
		-MMD -MP -MF $@.d -MT $@ -o $@ $< build/fuzz/libtrivet.a

#---------------------------------------------------------------------------------------------------------------------
# Payloads: programs of ours that run as a VM. payload/vm/NAME becomes build/payload/NAME.img.

payload := build/payload$(if $(CLANG),-clang)
payload_names := $(notdir $(patsubst %/,%,$(dir $(wildcard payload/vm/*/*.c))))
payload_names := $(sort $(payload_names))
payload_flags = $(target_flags) -fno-stack-protector -fvisibility=hidden -I. -Isrc $(no_libc)
payload_lib := $(patsubst payload/%,$(payload)/obj/%.o,$(basename $(call find_sources,payload/lib)))

payloads: $(payload_names:%=$(payload)/%.img) ## build the test programs that run as VMs
.PHONY: payloads

$(payload)/obj/%.o: payload/%.c Makefile | tools
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(q)$(target_cc) $(payload_flags) $(warnings) -MMD -MP -c -o $@ $<
$(payload)/obj/%.o: payload/%.S Makefile | tools
	$(call say,AS,$<)
	@mkdir -p $(@D)
	$(q)$(target_cc) $(payload_flags) -MMD -MP -c -o $@ $<

define payload_rule
$(payload)/$(1).elf: $(payload_lib) $(patsubst payload/%,$(payload)/obj/%.o,$(basename \
		$(call find_sources,payload/vm/$(1)))) payload/lib/payload.lds
	$$(call say,LD,$$@)
	$(q)$(target_ld) -pie --no-dynamic-linker -z norelro -z noexecstack -z text -z max-page-size=4096 --gc-sections \
		--build-id=none -T payload/lib/payload.lds -o $$@ $$(filter %.o,$$^)
$(payload)/$(1).img: $(payload)/$(1).elf
	$(q)$(target_objcopy) -O binary $$< $$@
endef
$(foreach name,$(payload_names),$(eval $(call payload_rule,$(name))))

#---------------------------------------------------------------------------------------------------------------------
# The Linux guest, bundles, running

guest_files := build/guest/initramfs.cpio.gz build/guest/disk.img $(deps)/kernel/Image
bundle_dirs := --dir build/guest --dir $(deps)/kernel --dir $(payload)
qemu := scripts/run-qemu --image $(hyp)/trivet-hyp.img $(if $(DEBUG),--gdb)

build/guest/cntvct: scripts/guest/cntvct.c | tools
	@mkdir -p $(@D)
	$(q)aarch64-linux-gnu-gcc -std=c17 -O2 -ffreestanding -nostdlib -static -o $@ $<
build/guest/initramfs.cpio.gz: build/guest/cntvct scripts/mkinitramfs scripts/guest/init $(deps)/kernel/Image $(deps)/busybox
	$(call say,PACK,$@)
	$(q)scripts/mkinitramfs $@ $<
build/guest/disk.img: scripts/mkdisk | tools
	$(call say,PACK,$@)
	@mkdir -p $(@D)
	$(q)scripts/mkdisk $@
build/bundle/%.cpio: config/%.dts scripts/mkbundle $(guest_files)
	$(call say,PACK,$@)
	@mkdir -p $(@D)
	$(q)scripts/mkbundle -o $@ $< $(bundle_dirs)
	@touch $@

run-linux: image build/bundle/linux.cpio ## Linux with 4 vCPUs on 4 CPUs; Ctrl-] is the hypervisor's prompt
	@$(qemu) --cpus 4 --bundle build/bundle/linux.cpio
run-linux-1cpu: image build/bundle/linux-1cpu.cpio ## Linux with 4 vCPUs on one CPU
	@$(qemu) --cpus 1 --bundle build/bundle/linux-1cpu.cpio
debug: image build/bundle/linux.cpio ## run-linux under GDB, stopped at the first instruction
	@scripts/debug $(hyp)/trivet-hyp.elf -- $(qemu) --gdb --cpus 4 --bundle build/bundle/linux.cpio
.PHONY: run-linux run-linux-1cpu debug

#---------------------------------------------------------------------------------------------------------------------
# Tests, measurements, checks

test: ## every test; ONLY='name ...' chooses
	@test/system/run $(ONLY)
test-list: ## the names of the tests and what each proves
	@test/system/run --list
test-long: ## every test, with the fuzzers running ten minutes each
	@test/system/run --fuzz-time 600 $(ONLY)
# What the test driver runs apart from the unit tests and fuzzers.
test-images: image payloads $(guest_files) build/bundle/linux.cpio build/bundle/linux-1cpu.cpio
.PHONY: test test-list test-long test-images

bench: ## instructions per operation and for Linux's boot, sizes; build/bench/*.csv
	+@$(MAKE) RELEASE=1 image payloads $(guest_files)
	@scripts/bench
lint: ## format, clang-tidy, include rules, warnings of gcc and clang
	@scripts/lint
.PHONY: bench lint

format: ## put all C files into the project's form
	@scripts/setup
	@scripts/format
# For scripts/lint: what its clang tools compile with.
print-hyp-flags: $(hyp)/gen/offsets.h
	@echo '$(hyp_flags) $(warnings)'
print-payload-flags:
	@echo '$(payload_flags) $(warnings)'
.PHONY: format print-hyp-flags print-payload-flags

#---------------------------------------------------------------------------------------------------------------------

help: ## this list
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | sort | awk -F '\t' '{ printf "  %-16s %s\n", $$1, $$2 }'
setup: ## install the programs that are missing
	@scripts/setup
clean: ## remove what was built (not what was fetched)
	$(q)find build -mindepth 1 -maxdepth 1 ! -name deps -exec rm -rf {} + 2>/dev/null || true
distclean: ## remove build/ altogether
	$(q)rm -rf build
.PHONY: help setup clean distclean

-include $(shell find build -name '*.d' 2>/dev/null)
