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
find_sources = $(if $(wildcard $(1)),$(sort $(shell find $(wildcard $(1)) -name '*.c' -o -name '*.S' 2>/dev/null)))

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
$(deps)/tfa/Makefile: | tools
	@scripts/fetch tfa
$(deps)/kernel/Image: | tools
	@scripts/fetch kernel
$(deps)/busybox: | tools
	@scripts/fetch busybox
$(deps)/iperf3/bin/iperf3: | tools
	@scripts/fetch iperf3

#---------------------------------------------------------------------------------------------------------------------
# The images. The objects are the same for all; what an image is made of is a list of sources.

core_sources := $(filter-out src/arch/aarch64/offsets.c, \
	$(call find_sources,src/lib src/arch/aarch64 src/core src/drivers))
not_in_hyp := src/arch/aarch64/world_s.c src/drivers/spmd.c src/plat/qemu_virt/spmc.c \
	src/ffa/console_log.c src/ffa/notification_info.c src/ffa/perm.c
# The SPMC has no virtual GIC, no devices that it emulates, no device tree of the host, and no PSCI below it.
not_in_spmc := src/arch/aarch64/world_ns.c src/core/vgic/% \
	$(patsubst %,src/core/vcpu/%.c,bus guest_mem insn mmio ptimer run sysreg_trap trap) \
	$(patsubst %,src/core/sys/%.c,clock host smccc) src/drivers/pl031.c src/drivers/psci.c src/plat/qemu_virt/plat.c
hyp_sources := $(filter-out $(not_in_hyp), \
	$(core_sources) $(call find_sources,src/ffa src/role/hyp src/plat/qemu_virt))
spmc_sources := $(filter-out $(not_in_spmc), \
	$(core_sources) $(call find_sources,src/ffa src/role/spmc src/plat/qemu_virt))

obj := build/obj$(variant)
hyp := build/hyp$(variant)
spmc := build/spmc$(variant)

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

# No header of a C library may get in: only the compiler's own, and src/lib/libc for libfdt.
target_flags = -std=c17 -g -O2 -ffreestanding -march=armv8-a -mgeneral-regs-only -mstrict-align \
	-mno-outline-atomics -mbranch-protection=standard -fpie -fno-common -ffunction-sections -fdata-sections \
	-fno-strict-aliasing -fno-delete-null-pointer-checks
no_libc = -nostdinc -isystem $(compiler_include)
compiler_include = $(eval compiler_include := $(shell $(target_cc) -print-file-name=include))$(compiler_include)
image_flags = $(target_flags) -fvisibility=hidden -include src/arch/aarch64/impl/hidden.h -fstack-protector-strong \
	-fno-omit-frame-pointer $(if $(RELEASE),-DNDEBUG) -Isrc -Isrc/arch/aarch64 -I$(obj)/gen \
	-isystem $(deps)/libfdt -isystem src/lib/libc $(no_libc)
pie_ldflags := -pie --no-dynamic-linker -z norelro -z text -z noexecstack -z max-page-size=4096 --gc-sections \
	--build-id=none

image: $(hyp)/trivet-hyp.img ## build the hypervisor's image (the default)
spmc: $(spmc)/trivet-spmc.img ## build the SPMC's image
.PHONY: image spmc

$(obj)/%.o: src/%.c Makefile | tools $(deps)/libfdt/libfdt.h
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(q)$(target_cc) $(image_flags) $(warnings) -MMD -MP -c -o $@ $<

$(obj)/%.o: src/%.S $(obj)/gen/offsets.h Makefile | tools
	$(call say,AS,$<)
	@mkdir -p $(@D)
	$(q)$(target_cc) $(image_flags) -MMD -MP -c -o $@ $<

$(obj)/libfdt/%.o: $(deps)/libfdt/%.c Makefile | tools
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(q)$(target_cc) $(image_flags) -O3 -finline-limit=2000 $(libfdt_flags) -w -c -o $@ $<

# Structure offsets for the assembly: offsets.c compiles to lines .ascii "->NAME VALUE".
$(obj)/gen/offsets.h: src/arch/aarch64/offsets.c Makefile | tools $(deps)/libfdt/libfdt.h
	$(call say,GEN,$@)
	@mkdir -p $(@D)
	$(q)$(target_cc) $(image_flags) $(warnings) -fno-lto -MMD -MP -MT $@ -MF $(@:.h=.d) -S -o $(@:.h=.s) $<
	@{ echo '/* Generated from $<. */'; sed -n 's/.*"->\([A-Za-z0-9_]*\) [#$$]*\(-\{0,1\}[0-9][0-9]*\).*/#define \1 \2/p' \
		$(@:.h=.s); } > $@

$(obj)/gen/image.lds: src/arch/aarch64/image.lds Makefile | tools
	@mkdir -p $(@D)
	$(q)$(target_cc) -E -P -x assembler-with-cpp -Isrc -MMD -MP -MT $@ -MF $(@:.lds=.lds.d) -o $@ $<

$(obj)/gen/no-ksyms.S: scripts/ksyms
	@mkdir -p $(@D)
	@scripts/ksyms </dev/null >$@
$(obj)/gen/no-ksyms.o $(hyp)/ksyms.o $(spmc)/ksyms.o: %.o: %.S | tools
	$(q)$(target_cc) $(image_flags) -c -o $@ $<

define link_image
$(call say,LD,$@)
@mkdir -p $(@D)
$(q)$(target_ld) $(pie_ldflags) --hash-style=sysv -T $(obj)/gen/image.lds -Map $(@:.elf=.map) -o $@ $(filter %.o,$^)
endef

# image_rules NAME: build/NAME/trivet-NAME.img. The panic report's symbols: a first link with an empty table gives the
# addresses, a second puts the table in. The table stands behind the code, so no address changes; a third table made
# from the result proves it.
define image_rules
$(1)_objects := $$(patsubst src/%,$(obj)/%.o,$$(basename $$($(1)_sources))) $(libfdt_names:%=$(obj)/libfdt/%.o)
$($(1))/trivet-$(1)-1.elf: $$($(1)_objects) $(obj)/gen/no-ksyms.o $(obj)/gen/image.lds
	$$(link_image)
$($(1))/ksyms.S: $($(1))/trivet-$(1)-1.elf scripts/ksyms
	@$(target_nm) -n $$< | scripts/ksyms >$$@
$($(1))/trivet-$(1).elf: $$($(1)_objects) $($(1))/ksyms.o $(obj)/gen/image.lds
	$$(link_image)
	@$(target_nm) -n $$@ | scripts/ksyms | cmp -s - $($(1))/ksyms.S || \
		{ echo "$$@: the symbol table moved the code"; exit 1; }
$($(1))/trivet-$(1).img: $($(1))/trivet-$(1).elf
	$$(call say,IMAGE,$$@)
	$(q)$(target_objcopy) -O binary $$< $$@
endef
$(foreach name,hyp spmc,$(eval $(call image_rules,$(name))))

#---------------------------------------------------------------------------------------------------------------------
# Unit tests: every test/unit/**/test_*.c is a program of its own, linked with those sources of its image that run on
# the developer's machine: the SPMC's for test/unit/ffa and test/unit/spmc, else the hypervisor's.

# What only the real machine can run.
target_only := src/role/hyp/main.c src/role/spmc/main.c src/core/sys/panic.c src/core/sys/log.c src/lib/libc/string.c
host_list = $(filter-out $(target_only) src/arch/aarch64/% src/drivers/% src/plat/%,$(filter %.c,$(1))) \
	$(call find_sources,src/arch/host)
host_hyp := $(call host_list,$(hyp_sources))
host_spmc := $(call host_list,$(spmc_sources))
unit_sources := $(filter %.c,$(call find_sources,test/unit))
unit_tests := $(foreach s,$(unit_sources),$(if $(filter test_%,$(notdir $s)),$s))
unit_programs := $(patsubst test/%.c,build/%,$(if $(ONLY), \
	$(foreach n,$(ONLY),$(filter %/test_$(n:test_%=%).c,$(unit_tests))),$(unit_tests)))
host_flags := -g -Isrc -Isrc/arch/host -isystem $(deps)/libfdt -fno-omit-frame-pointer -fno-common
unit_cc := gcc
unit_flags := -std=gnu17 -O1 $(host_flags) -Itest/unit -fsanitize=address,undefined -fno-sanitize-recover=all

# host_objects DIRECTORY,SOURCES
host_objects = $(patsubst src/%.c,$(1)/src/%.o,$(sort $(2))) $(libfdt_names:%=$(1)/libfdt/%.o)
unit_helpers := $(patsubst test/unit/%.c,build/unit/obj/test/%.o,$(filter-out $(unit_tests),$(unit_sources)))
unit_objects := $(call host_objects,build/unit/obj,$(host_hyp) $(host_spmc)) $(unit_helpers)

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
build/unit/libhyp.a: $(wildcard $(call host_objects,build/unit/obj,$(host_hyp)) $(unit_helpers))
	@rm -f $@
	$(q)ar qcs $@ $^
build/unit/libspmc.a: $(wildcard $(call host_objects,build/unit/obj,$(host_spmc)) $(unit_helpers))
	@rm -f $@
	$(q)ar qcs $@ $^
spmc_tests := $(filter build/unit/ffa/% build/unit/spmc/%,$(unit_programs))
$(spmc_tests): build/unit/libspmc.a
$(filter-out $(spmc_tests),$(unit_programs)): build/unit/libhyp.a
$(unit_programs): build/%: test/%.c Makefile
	@mkdir -p $(@D) && rm -f $@
	$(q)$(unit_cc) $(unit_flags) -Wall -Wextra -Wshadow -Werror -MMD -MP -MF $@.d -MT $@ -o $@ $< $(filter %.a,$^) \
		-lcmocka -lpthread

#---------------------------------------------------------------------------------------------------------------------
# Fuzzing: test/fuzz/fuzz_NAME.c, seeds in test/fuzz/corpus/NAME, inputs that once crashed in test/fuzz/crashes/NAME.
# Those called ffa_*, sp_* and spmc_* are linked with the SPMC's sources, the others with the hypervisor's.

fuzz_programs := $(patsubst test/fuzz/fuzz_%.c,build/fuzz/fuzz_%,$(wildcard test/fuzz/fuzz_*.c))
fuzz_flags := -std=gnu17 -O1 $(host_flags) -fno-sanitize-recover=all
spmc_fuzzers := $(filter build/fuzz/fuzz_ffa_% build/fuzz/fuzz_sp_% build/fuzz/fuzz_spmc_%,$(fuzz_programs))
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
build/fuzz/libhyp.a: $(call host_objects,build/fuzz/obj,$(host_hyp))
	@rm -f $@
	$(q)ar qcs $@ $^
build/fuzz/libspmc.a: $(call host_objects,build/fuzz/obj,$(host_spmc))
	@rm -f $@
	$(q)ar qcs $@ $^
$(spmc_fuzzers): build/fuzz/libspmc.a
$(filter-out $(spmc_fuzzers),$(fuzz_programs)): build/fuzz/libhyp.a
$(fuzz_programs): build/fuzz/%: test/fuzz/%.c Makefile
	$(call say,FUZZER,$@)
	$(q)clang-19 $(fuzz_flags) -Wall -Wextra -Wshadow -Werror -fsanitize=fuzzer,address,undefined \
		-MMD -MP -MF $@.d -MT $@ -o $@ $< $(filter %.a,$^) -Wl,--as-needed -lcmocka

#---------------------------------------------------------------------------------------------------------------------
# Programs of ours, for tests and examples: payload/vm/NAME runs as a VM, payload/sp/NAME as a secure partition,
# payload/nwd/NAME as BL33 in the normal world. They become build/payload/NAME.img, sp/NAME.img and nwd/NAME.img.

payload := build/payload$(if $(CLANG),-clang)
payload_names = $(sort $(filter-out lib,$(notdir $(patsubst %/,%,$(dir $(wildcard payload/$(1)/*/*.c))))))
payload_flags = $(target_flags) -fno-stack-protector -fvisibility=hidden -I. -Isrc $(no_libc)
payload_objects = $(patsubst payload/%,$(payload)/obj/%.o,$(basename $(call find_sources,$(1))))

$(payload)/obj/%.o: payload/%.c Makefile | tools
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(q)$(target_cc) $(payload_flags) $(warnings) -MMD -MP -c -o $@ $<
$(payload)/obj/%.o: payload/%.S Makefile | tools
	$(call say,AS,$<)
	@mkdir -p $(@D)
	$(q)$(target_cc) $(payload_flags) -MMD -MP -c -o $@ $<

# The library of a kind: payload/KIND/lib, then payload/lib. A program takes from it what it does not define itself. A VM
# can do what partitions do.
vm_library := $(patsubst %,payload/sp/lib/%.c,command memory message sp) payload/nwd/lib
define library_rule
$(payload)/lib$(1).a: $(call payload_objects,payload/$(1)/lib $($(1)_library)) $(call payload_objects,payload/lib)
	@mkdir -p $$(@D) && rm -f $$@
	$(q)ar qcs $$@ $$^
endef
# payload_rule KIND,NAME,OUT
define payload_rule
$(3:.img=.elf): $(call payload_objects,payload/$(1)/$(2)) $(payload)/lib$(1).a payload/lib/payload.lds
	$$(call say,LD,$$@)
	@mkdir -p $$(@D)
	$(q)$(target_ld) $(pie_ldflags) -T payload/lib/payload.lds -o $$@ $$(filter %.o %.a,$$^)
$(3): $(3:.img=.elf)
	$(q)$(target_objcopy) -O binary $$< $$@
endef
$(foreach kind,vm sp nwd,$(eval $(call library_rule,$(kind))))
$(foreach name,$(call payload_names,vm),$(eval $(call payload_rule,vm,$(name),$(payload)/$(name).img)))
$(foreach name,$(call payload_names,sp),$(eval $(call payload_rule,sp,$(name),$(payload)/sp/$(name).img)))
$(foreach name,$(call payload_names,nwd),$(eval $(call payload_rule,nwd,$(name),$(payload)/nwd/$(name).img)))

# Each manifest beside a partition's sources makes a package: manifest.dts NAME.pkg, another, X.dts, NAME-X.pkg.
package = $(payload)/sp/$(1)$(patsubst %,-%,$(filter-out manifest,$(basename $(notdir $(2))))).pkg
define package_rule
$(call package,$(1),$(2)): $(payload)/sp/$(1).img $(2) scripts/mksp scripts/dts.py
	$$(call say,PACK,$$@)
	$(q)scripts/mksp -o $$@ --image $$< --manifest $(2)
packages += $(call package,$(1),$(2))
endef
packages :=
$(foreach name,$(call payload_names,sp),$(foreach dts,$(wildcard payload/sp/$(name)/*.dts), \
	$(eval $(call package_rule,$(name),$(dts)))))

payloads: $(patsubst %,$(payload)/%.img,$(call payload_names,vm)) ## build the test programs that run as VMs
nwd_images := $(patsubst %,$(payload)/nwd/%.img,$(call payload_names,nwd))
partitions: $(packages) $(nwd_images) ## build the secure partitions and their clients
.PHONY: payloads partitions

#---------------------------------------------------------------------------------------------------------------------
# The firmware under our images: TF-A, built once for each

firmware: build/firmware/spmc/bl1.bin build/firmware/hyp/bl1.bin ## build TF-A (BL1, BL2, BL31) for QEMU
.PHONY: firmware
build/firmware/%/bl1.bin: scripts/mkfirmware $(deps)/tfa/Makefile | tools
	@scripts/mkfirmware $*

run-spmc: spmc-images ## TF-A, the SPMC, its partitions and the client in the normal world
	@scripts/run-spmc --image $(spmc)/trivet-spmc.img --dir $(payload)/sp --bl33 $(payload)/nwd/client.img \
		$(if $(DEBUG),--gdb)
.PHONY: run-spmc

#---------------------------------------------------------------------------------------------------------------------
# The Linux guest, bundles, running

guest_files := build/guest/initramfs.cpio.gz build/guest/disk.img $(deps)/kernel/Image
bundle_dirs := --dir build/guest --dir $(deps)/kernel --dir $(payload)
qemu := scripts/run-qemu --image $(hyp)/trivet-hyp.img $(if $(DEBUG),--gdb)

build/guest/cntvct: scripts/guest/cntvct.c | tools
	@mkdir -p $(@D)
	$(q)aarch64-linux-gnu-gcc -std=c17 -O2 -ffreestanding -nostdlib -static -o $@ $<
build/guest/initramfs.cpio.gz: build/guest/cntvct scripts/mkinitramfs scripts/guest/init scripts/guest/udhcpc.script $(deps)/kernel/Image $(deps)/busybox
	$(call say,PACK,$@)
	$(q)scripts/mkinitramfs $@ $<
# The same with iperf3: a kernel unpacks one archive after the other.
build/guest/net.cpio.gz: build/guest/initramfs.cpio.gz scripts/guest/bench-net $(deps)/iperf3/bin/iperf3 Makefile
	$(call say,PACK,$@)
	@rm -rf $(@D)/net && mkdir -p $(@D)/net && cp -r $(deps)/iperf3/. $(@D)/net && install scripts/guest/bench-net $(@D)/net/bin
	@cd $(@D)/net && find . -exec touch -h -d @0 {} + && find . | LC_ALL=C sort | \
		cpio --quiet --reproducible -R 0:0 -o -H newc | gzip -9n | cat ../$(<F) - >../$(@F)
build/guest/disk.img: scripts/mkdisk | tools
	$(call say,PACK,$@)
	@mkdir -p $(@D)
	$(q)scripts/mkdisk $@
build/bundle/%.cpio: config/%.dts scripts/mkbundle $(guest_files)
	$(call say,PACK,$@)
	@mkdir -p $(@D)
	$(q)scripts/mkbundle -o $@ $< $(bundle_dirs)
	@touch $@

build/bundle/net.cpio: build/guest/net.cpio.gz $(payload)/flood.img

run-linux: image build/bundle/linux.cpio ## Linux with 4 vCPUs on 4 CPUs; Ctrl-] is the hypervisor's prompt
	@$(qemu) --cpus 4 --bundle build/bundle/linux.cpio
run-linux-1cpu: image build/bundle/linux-1cpu.cpio ## Linux with 4 vCPUs on one CPU
	@$(qemu) --cpus 1 --bundle build/bundle/linux-1cpu.cpio
run-multi-vm: image build/bundle/multi-vm.cpio ## two Linux VMs on a switch, spread over 4 CPUs; Ctrl-] 2: the second one's console
	@$(qemu) --cpus 4 --bundle build/bundle/multi-vm.cpio
run-multi-vm-1cpu: image build/bundle/multi-vm-1cpu.cpio ## the same two VMs, time-sliced on one CPU
	@$(qemu) --cpus 1 --bundle build/bundle/multi-vm-1cpu.cpio
run-net: image build/bundle/net.cpio ## three Linux VMs on two switches, with iperf3; "start flood" adds a bad neighbour
	@$(qemu) --cpus 4 --bundle build/bundle/net.cpio
run-tfa-linux: image build/bundle/linux.cpio build/firmware/hyp/bl1.bin ## run-linux, started by TF-A
	@$(qemu) --tfa --cpus 4 --bundle build/bundle/linux.cpio

# A kernel of Android's configuration, and a program of ours that proves what Android's userspace asks of one. mkkernel
# itself knows whether there is anything to do.
.PHONY: always
build/kernel/%/Image: always | tools
	@scripts/mkkernel $*

linux_flags := -std=gnu17 -g -O2 -D_GNU_SOURCE -static -I.
# A program in Linux of ours: payload/linux/NAME with payload/linux/lib is build/linux/NAME-test.
linux_sources = $(call find_sources,payload/linux/$(1)) $(call find_sources,payload/linux/lib)
build/linux/android-test: $(call linux_sources,android)
build/linux/optee_like-test: $(call linux_sources,optee_like) payload/sp/optee_like/service.h
build/linux/%-test: $(wildcard payload/linux/*/*.h) Makefile | tools
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(q)aarch64-linux-gnu-gcc $(linux_flags) $(warnings) -s -o $@ $(filter %.c,$^)
build/guest/android-initramfs.cpio.gz: build/linux/android-test scripts/mkinitramfs scripts/guest/init \
		scripts/guest/udhcpc.script $(deps)/busybox
	$(call say,PACK,$@)
	$(q)scripts/mkinitramfs --no-modules $@ $<
build/guest/verity.img: build/guest/disk.img scripts/mkverity
	$(call say,PACK,$@)
	$(q)scripts/mkverity $< $@
build/bundle/android.cpio: config/android.dts scripts/mkbundle build/kernel/android/Image build/guest/disk.img \
		build/guest/verity.img build/guest/android-initramfs.cpio.gz
	$(call say,PACK,$@)
	@mkdir -p $(@D)
	$(q)scripts/mkbundle -o $@ $< --dir build/kernel/android --dir build/guest
	@touch $@

android-images: image build/bundle/android.cpio
run-android: android-images ## a kernel of Android's configuration on 4 vCPUs; type android-test (builds the kernel: minutes)
	@$(qemu) --cpus 4 --bundle build/bundle/android.cpio
.PHONY: android-images run-android

# Linux with pKVM beside the SPMC, and a module and programs of ours in it (docs/pkvm.md). PKVM_KERNEL=sid: the kernel that
# is current in that suite of Debian's, which makes protected VMs, in the place of 6.12. PKVM_KERNEL_SRC: a tree of the
# kernel's in the place of the distribution's, Android's for example.
pkvm_suffix := $(if $(PKVM_KERNEL_SRC),-given,$(addprefix -,$(PKVM_KERNEL)))
pkvm_source := $(if $(PKVM_KERNEL_SRC),--source '$(PKVM_KERNEL_SRC)',$(addprefix --suite ,$(PKVM_KERNEL)))
pkvm_mkkernel := scripts/mkkernel pkvm-host $(pkvm_source)
pkvm_kernel := build/kernel/pkvm-host$(pkvm_suffix)
pkvm_initrd := build/guest/pkvm$(pkvm_suffix).cpio.gz
$(pkvm_kernel)/Image: always | tools
	@$(pkvm_mkkernel)
$(pkvm_kernel)/extra/ffa_test.ko: always | $(pkvm_kernel)/Image
	@$(pkvm_mkkernel) --module payload/linux/ffa_test
build/linux/kvm-vm: payload/linux/kvm_vm/main.c
build/linux/kexec-file: payload/linux/kexec/main.c
build/linux/kvm-vm build/linux/kexec-file: Makefile | tools
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(q)aarch64-linux-gnu-gcc $(linux_flags) $(warnings) -s -o $@ $(filter %.c,$^)
build/linux/guest.dtb: payload/linux/kvm_vm/guest.dts | tools
	@mkdir -p $(@D)
	$(q)dtc -q -I dts -O dtb -o $@ $<
pkvm_files := scripts/guest/ffa-test scripts/guest/ffa-bench build/linux/kvm-vm build/linux/kexec-file build/linux/guest.dtb $(payload)/smp.img
$(pkvm_initrd): $(pkvm_kernel)/extra/ffa_test.ko $(pkvm_files) scripts/mkinitramfs scripts/guest/init \
		scripts/guest/udhcpc.script $(deps)/busybox
	$(call say,PACK,$@)
	@mkdir -p $(@D)
	$(q)scripts/mkinitramfs --kernel $(pkvm_kernel) --module $< $@ $(pkvm_files)
pkvm-images: spmc-images $(pkvm_initrd)
pkvm-sid-images:
	+@$(MAKE) PKVM_KERNEL_SRC= PKVM_KERNEL=sid pkvm-images
run-pkvm: pkvm-images ## Linux as pKVM's host beside the SPMC and its partitions; ffa-test, kvm-vm; PKVM_KERNEL=sid (builds the kernel: minutes)
	@scripts/run-spmc --image $(spmc)/trivet-spmc.img --dir $(payload)/sp --bl33 $(pkvm_kernel)/Image \
		--initrd $(pkvm_initrd) --append 'console=ttyAMA0 quiet kvm-arm.mode=protected' $(if $(DEBUG),--gdb)
build/bundle/ffa.cpio build/bundle/ffa-linux.cpio: build/bundle/%.cpio: config/%.dts scripts/mkbundle $(pkvm_initrd) \
		build/kernel/pkvm-host/Image $(payload)/ffa.img
	$(call say,PACK,$@)
	@mkdir -p $(@D)
	$(q)scripts/mkbundle -o $@ $< --dir build/guest --dir build/kernel/pkvm-host --dir $(payload)
	@touch $@
tfa-linux-ffa-images: image spmc-images build/bundle/ffa.cpio build/bundle/ffa-linux.cpio
run-tfa-linux-ffa: tfa-linux-ffa-images ## TF-A, SPMC and partitions, hypervisor, Linux and another VM; ffa-test (builds the kernel: minutes)
	@scripts/run-spmc --image $(spmc)/trivet-spmc.img --dir $(payload)/sp --bl33 $(hyp)/trivet-hyp.img \
		--initrd build/bundle/ffa.cpio --secure-log build/flash/secure.log $(if $(DEBUG),--gdb)
.PHONY: tfa-linux-ffa-images run-tfa-linux-ffa
run-pkvm-ffa-test: pkvm-images ## FF-A through pKVM's proxy and without it, by the module ffa_test; prints its report and the counts
	@test/system/pkvm.py
.PHONY: pkvm-images pkvm-sid-images run-pkvm run-pkvm-ffa-test

# OP-TEE as a partition, and one of ours that behaves as it does (docs/optee.md). Linux is the same kernel, as it comes.
comma := ,
optee_kernel := build/kernel/pkvm-host
XTEST ?= 1001 1004 1006 1013 6001
build/guest/optee.cpio.gz: $(optee_kernel)/Image build/linux/optee_like-test scripts/guest/optee-xtest scripts/mkinitramfs \
		scripts/guest/init scripts/guest/udhcpc.script $(deps)/busybox
	$(call say,PACK,$@)
	@mkdir -p $(@D)
	$(q)scripts/mkinitramfs --kernel $(optee_kernel) $@ build/linux/optee_like-test scripts/guest/optee-xtest
optee-images: spmc-images build/guest/optee.cpio.gz
run-optee: optee-images ## OP-TEE OS as a partition, and its xtest in Linux; XTEST='1001 ...', all, shell; OPTEE_OS_SRC=dir, _BIN=file
	@OPTEE_OS_SRC='$(OPTEE_OS_SRC)' OPTEE_OS_BIN='$(OPTEE_OS_BIN)' scripts/mkoptee build/guest/optee.cpio.gz
	@scripts/run-spmc --image $(spmc)/trivet-spmc.img --set optee --dir build/optee --bl33 $(optee_kernel)/Image \
		--initrd build/optee/initramfs.cpio.gz $(if $(DEBUG),--gdb) --append 'console=ttyAMA0 quiet $(if $(filter shell,$(XTEST)),, \
		run=/bin/optee-xtest xtest=$(subst $(eval) ,$(comma),$(strip $(XTEST))))'
optee-test-images: optee-images image
	+@$(MAKE) PKVM_KERNEL_SRC= PKVM_KERNEL= pkvm-images
run-optee-vms: optee-images image ## TF-A, SPMC, OP-TEE OS, hypervisor, two Linux VMs that use it; type optee-xtest 1001 1004
	@OPTEE_OS_SRC='$(OPTEE_OS_SRC)' OPTEE_OS_BIN='$(OPTEE_OS_BIN)' scripts/mkoptee --vms build/guest/optee.cpio.gz
	@mkdir -p build/bundle
	@scripts/mkbundle -o build/bundle/optee-vms.cpio config/optee-vms.dts --dir build/optee-vms --dir $(optee_kernel)
	@scripts/run-spmc --image $(spmc)/trivet-spmc.img --set optee --dir build/optee-vms --bl33 $(hyp)/trivet-hyp.img \
		--initrd build/bundle/optee-vms.cpio --secure-log build/flash/secure.log $(if $(DEBUG),--gdb)
.PHONY: optee-images optee-test-images run-optee run-optee-vms

run-shmem: image build/bundle/shmem-linux.cpio ## two Linux VMs with a shared memory (docs/shared-memory.md)
	@$(qemu) --cpus 2 --bundle build/bundle/shmem-linux.cpio
debug: image build/bundle/linux.cpio ## run-linux under GDB, stopped at the first instruction
	@scripts/debug $(hyp)/trivet-hyp.elf -- $(qemu) --gdb --cpus 4 --bundle build/bundle/linux.cpio
.PHONY: run-linux run-linux-1cpu run-multi-vm run-multi-vm-1cpu run-net run-shmem run-tfa-linux debug

# Firmware in flash, and a disk from which it boots Linux.
$(deps)/uboot/u-boot.bin: | tools
	@scripts/fetch uboot
$(deps)/uefi/QEMU_EFI.fd: | tools
	@scripts/fetch uefi
build/guest/boot.img: scripts/mkbootdisk build/guest/initramfs.cpio.gz $(deps)/kernel/Image
	$(call say,PACK,$@)
	$(q)scripts/mkbootdisk $@ $(deps)/kernel/Image build/guest/initramfs.cpio.gz
build/bundle/uboot.cpio: $(deps)/uboot/u-boot.bin
build/bundle/uefi.cpio: $(deps)/uefi/QEMU_EFI.fd
build/bundle/uboot.cpio build/bundle/uefi.cpio: build/bundle/%.cpio: config/%.dts scripts/mkbundle build/guest/boot.img
	$(call say,PACK,$@)
	@mkdir -p $(@D)
	$(q)scripts/mkbundle -o $@ $< --dir build/guest --dir $(deps)/$*
	@touch $@

firmware-images: image build/bundle/uboot.cpio build/bundle/uefi.cpio
run-uboot: image build/bundle/uboot.cpio ## U-Boot in flash; it boots Linux from a disk (docs/guests.md)
	@$(qemu) --cpus 2 --bundle build/bundle/uboot.cpio
run-uefi: image build/bundle/uefi.cpio ## UEFI in flash to its shell, which boots Linux from a disk
	@$(qemu) --cpus 2 --bundle build/bundle/uefi.cpio
.PHONY: firmware-images run-uboot run-uefi

# A program of the user's own.
run-guest: image ## your own program as a VM: GUEST=file; VCPUS=n MEM=MiB ARGS='...' INITRD=file LOAD_OFFSET=n (raw binary)
	@$(if $(GUEST),,echo "make run-guest GUEST=file: an arm64 Image, an ELF file, or raw with LOAD_OFFSET="; exit 1)
	@mkdir -p build/bundle
	@scripts/mkbundle -o build/bundle/guest.cpio --payload '$(GUEST)' --vcpus $(or $(VCPUS),1) \
		--memory-mib $(or $(MEM),256) $(if $(ARGS),--bootargs '$(ARGS)') $(if $(INITRD),--initrd '$(INITRD)') \
		$(if $(LOAD_OFFSET),--load-offset $(LOAD_OFFSET))
	@$(qemu) --cpus $(or $(VCPUS),1) --bundle build/bundle/guest.cpio
.PHONY: run-guest

# Debian's userspace. mkdebian itself knows whether there is anything to do.
build/guest/debian.img: always | tools build/guest/initramfs.cpio.gz $(deps)/kernel/Image
	@scripts/mkdebian $@
build/bundle/debian.cpio: config/debian.dts scripts/mkbundle build/guest/debian.img build/guest/initramfs.cpio.gz \
		$(deps)/kernel/Image
	$(call say,PACK,$@)
	@mkdir -p $(@D)
	$(q)scripts/mkbundle -o $@ $< $(bundle_dirs)
	@touch $@
debian-images: image build/bundle/debian.cpio
run-debian: debian-images ## Debian with systemd on 4 vCPUs, to its login prompt: root, no password (makes the disk: a minute)
	@$(qemu) --cpus 4 --memory 4G --bundle build/bundle/debian.cpio
.PHONY: debian-images run-debian

#---------------------------------------------------------------------------------------------------------------------
# Tests, measurements, checks

test: ## every test but the long ones; ONLY='name ...' chooses
	@test/system/run $(ONLY)
test-list: ## the names of the tests and what each proves
	@test/system/run --list
test-long: ## every test, also those that take long, with the fuzzers running ten minutes each
	@test/system/run --long --fuzz-time 600 $(ONLY)
# What the test driver runs apart from the unit tests and fuzzers.
test-images: image payloads $(guest_files) $(patsubst %,build/bundle/%.cpio,linux linux-1cpu multi-vm multi-vm-1cpu \
	shmem-linux net)
spmc-images: spmc partitions build/firmware/spmc/bl1.bin
tfa-images: image build/bundle/linux.cpio build/firmware/hyp/bl1.bin $(deps)/uboot/u-boot.bin
ffa-vm-images: image payloads spmc-images
.PHONY: test test-list test-long test-images spmc-images tfa-images ffa-vm-images

# One after the other: they print tables, and each wants the machine for itself.
bench: ## all measurements below, one after the other; figures go to build/bench/*.csv
	+@$(MAKE) bench-hyp
	+@$(MAKE) bench-vms
	+@$(MAKE) bench-io
	+@$(MAKE) bench-spmc
	+@$(MAKE) bench-pkvm
	+@$(MAKE) bench-ffa
bench-hyp: ## EL2's instructions for each operation of a guest, its own boot and Linux's; sizes
	+@$(MAKE) RELEASE=1 image payloads $(guest_files)
	@scripts/bench
bench-vms: ## many VMs on a CPU: switch, shares, wake-up, memory, boot of 1 to 32
	+@$(MAKE) RELEASE=1 image payloads
	@scripts/bench-vms
bench-io: ## disk and network: instructions, notifications, interrupts for each request; TCP between VMs
	+@$(MAKE) RELEASE=1 image payloads $(guest_files) build/guest/net.cpio.gz
	@scripts/bench-io
bench-spmc: ## the SPMC's instructions for each FF-A call, and its boot
	+@$(MAKE) RELEASE=1 spmc-images
	@scripts/bench-spmc
bench-pkvm: ## FF-A calls of Linux in the normal world, with pKVM and without (builds the kernel: minutes)
	+@$(MAKE) RELEASE=1 pkvm-images
	@scripts/bench-pkvm
bench-ffa: ## FF-A of VMs: from Linux and a VM to a partition, from VM to VM, each image's share (builds the kernel: minutes)
	+@$(MAKE) RELEASE=1 PKVM_KERNEL_SRC= image payloads pkvm-images
	@scripts/bench-ffa
.PHONY: bench bench-hyp bench-vms bench-io bench-spmc bench-pkvm bench-ffa lint

lint: ## format, clang-tidy, include rules, warnings of gcc and clang
	@scripts/lint

format: ## put all C files into the project's form
	@scripts/setup
	@scripts/format
# For scripts/lint: what its clang tools compile with.
print-image-flags: $(obj)/gen/offsets.h
	@echo '$(image_flags) $(warnings)'
print-payload-flags:
	@echo '$(payload_flags) $(warnings)'
print-linux-flags:
	@echo '$(linux_flags) $(warnings)'
.PHONY: format print-image-flags print-payload-flags print-linux-flags

#---------------------------------------------------------------------------------------------------------------------

help: ## this list
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' Makefile | sort | awk -F '\t' '{ printf "  %-16s %s\n", $$1, $$2 }'
setup: ## install the programs that are missing
	@scripts/setup
clean: ## remove what was built (not what was fetched)
	$(q)find build -mindepth 1 -maxdepth 1 ! -name deps -exec rm -rf {} + 2>/dev/null || true
distclean: ## remove build/ altogether
	$(q)rm -rf build
.PHONY: help setup clean distclean

-include $(shell find build \( -path build/deps -o -path build/kernel \) -prune -o -name '*.d' -type f -print 2>/dev/null)
