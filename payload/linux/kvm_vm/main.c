/* SPDX-License-Identifier: MIT */
/*
 * kvm-vm [--pages] IMAGE DTB: runs an arm64 Image, a program of payload/vm, as a VM of KVM's with four vCPUs until it
 * turns itself off. What it writes to its UART goes to standard output. The VM is a protected one where this kernel can
 * make such (Android's), else a normal one; the first line says which. --pages: that line has the address of a page of
 * the VM's too, in the machine's memory. Exit code 0: it turned itself off.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define CPUS 4
#define RAM_BASE 0x40000000ul
#define RAM_SIZE 0x4000000ul
#define DTB_OFFSET 0x3e00000ul
#define GICD_BASE 0x08000000ul
#define GICR_BASE 0x080a0000ul
#define UART_BASE 0x09000000ul
#define UART_SIZE 0x1000ul
#define UART_DR 0
/* Of Android's kernels; mainline has no name for it. */
#define VM_TYPE_PROTECTED (1ul << 31)

static int kvm, vm;
static size_t run_size;

struct vcpu {
	int fd;
	struct kvm_run *run;
	pthread_t thread;
};
static struct vcpu vcpus[CPUS];

static _Noreturn void stop(const char *what, const char *why)
{
	fflush(stdout);
	fprintf(stderr, "kvm-vm: %s: %s\n", what, why);
	exit(1);
}

static _Noreturn void die(const char *what)
{
	stop(what, strerror(errno));
}

static int call(int fd, unsigned long request, const void *argument, const char *what)
{
	int result = ioctl(fd, request, argument);

	if (result < 0) {
		die(what);
	}
	return result;
}

/* ---- making the VM ---- */

/* True if it is a protected one. */
static bool make_vm(void)
{
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm < 0) {
		die("/dev/kvm");
	}
	vm = ioctl(kvm, KVM_CREATE_VM, VM_TYPE_PROTECTED);
	if (vm >= 0) {
		return true;
	}
	vm = ioctl(kvm, KVM_CREATE_VM, 0ul);
	if (vm < 0) {
		die("KVM_CREATE_VM");
	}
	return false;
}

static void load(uint8_t *ram, size_t offset, size_t end, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = 1;

	if (fd < 0) {
		die(path);
	}
	while (offset < end && got > 0) {
		got = read(fd, ram + offset, end - offset);
		offset += got > 0 ? (size_t)got : 0;
	}
	if (got < 0) {
		die(path);
	} else if (got > 0) {
		stop(path, "too large");
	}
	close(fd);
}

/* Memory with the two files in it. */
static uint8_t *make_memory(const char *image, const char *dtb)
{
	uint8_t *ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct kvm_userspace_memory_region region = { .guest_phys_addr = RAM_BASE, .memory_size = RAM_SIZE };

	if (ram == MAP_FAILED) {
		die("memory");
	}
	load(ram, 0, DTB_OFFSET, image);
	load(ram, DTB_OFFSET, RAM_SIZE, dtb);
	region.userspace_addr = (uint64_t)ram;
	call(vm, KVM_SET_USER_MEMORY_REGION, &region, "KVM_SET_USER_MEMORY_REGION");
	return ram;
}

static void set_register(int fd, uint64_t offset, uint64_t value)
{
	struct kvm_one_reg reg = {
		.id = KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | offset / sizeof(uint32_t),
		.addr = (uint64_t)&value,
	};

	call(fd, KVM_SET_ONE_REG, &reg, "KVM_SET_ONE_REG");
}

static void make_vcpu(unsigned int index)
{
	struct vcpu *vcpu = &vcpus[index];
	struct kvm_vcpu_init init;

	call(vm, KVM_ARM_PREFERRED_TARGET, &init, "KVM_ARM_PREFERRED_TARGET");
	init.features[0] |= 1u << KVM_ARM_VCPU_PSCI_0_2 | (index != 0 ? 1u << KVM_ARM_VCPU_POWER_OFF : 0);
	vcpu->fd = ioctl(vm, KVM_CREATE_VCPU, (unsigned long)index);
	if (vcpu->fd < 0) {
		die("KVM_CREATE_VCPU");
	}
	call(vcpu->fd, KVM_ARM_VCPU_INIT, &init, "KVM_ARM_VCPU_INIT");
	vcpu->run = mmap(NULL, run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	if (vcpu->run == MAP_FAILED) {
		die("a vCPU's memory");
	}
	if (index == 0) {
		set_register(vcpu->fd, offsetof(struct kvm_regs, regs.pc), RAM_BASE);
		set_register(vcpu->fd, offsetof(struct kvm_regs, regs.regs[0]), RAM_BASE + DTB_OFFSET);
	}
}

static void set_gic(int gic, uint32_t group, uint64_t attribute, uint64_t address)
{
	struct kvm_device_attr attr = { .group = group, .attr = attribute, .addr = (uint64_t)&address };

	call(gic, KVM_SET_DEVICE_ATTR, &attr, "the GIC");
}

static void make_gic(void)
{
	struct kvm_create_device device = { .type = KVM_DEV_TYPE_ARM_VGIC_V3 };

	call(vm, KVM_CREATE_DEVICE, &device, "a GICv3");
	set_gic((int)device.fd, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_DIST, GICD_BASE);
	set_gic((int)device.fd, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_REDIST, GICR_BASE);
	set_gic((int)device.fd, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, 0);
}

/* ---- running it ---- */

/* The UART says that it has room, and nothing more. */
static void serve_mmio(struct kvm_run *run)
{
	uint64_t offset = run->mmio.phys_addr - UART_BASE;

	if (offset >= UART_SIZE) {
		fprintf(stderr, "kvm-vm: the guest uses address 0x%llx\n", (unsigned long long)run->mmio.phys_addr);
		stop("memory", "nothing is there");
	}
	if (!run->mmio.is_write) {
		memset(run->mmio.data, 0, sizeof(run->mmio.data));
	} else if (offset == UART_DR) {
		putchar(run->mmio.data[0]);
		if (run->mmio.data[0] == '\n') {
			fflush(stdout);
		}
	}
}

static void *run_vcpu(void *argument)
{
	struct vcpu *vcpu = argument;
	struct kvm_run *run = vcpu->run;

	for (;;) {
		if (ioctl(vcpu->fd, KVM_RUN, 0) < 0 && errno != EINTR) {
			die("KVM_RUN");
		}
		switch (run->exit_reason) {
		case KVM_EXIT_MMIO:
			serve_mmio(run);
			break;
		case KVM_EXIT_INTR:
			break;
		case KVM_EXIT_SYSTEM_EVENT:
			fflush(stdout);
			exit(run->system_event.type == KVM_SYSTEM_EVENT_SHUTDOWN ? 0 : 1);
		default:
			fprintf(stderr, "kvm-vm: exit %u of vCPU %td\n", run->exit_reason, vcpu - vcpus);
			stop("KVM_RUN", "an exit that it does not know");
		}
	}
}

/* Where a page of ours is in the machine: the kernel tells root. */
static uint64_t physical(const void *page)
{
	uint64_t entry = 0, size = (uint64_t)sysconf(_SC_PAGESIZE);
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || pread(fd, &entry, sizeof(entry), (off_t)((uint64_t)page / size * sizeof(entry))) < 0) {
		die("/proc/self/pagemap");
	}
	close(fd);
	return (entry & ((1ull << 55) - 1)) * size;
}

int main(int argc, char **argv)
{
	bool pages = argc > 1 && strcmp(argv[1], "--pages") == 0;
	const uint8_t *ram;

	argv += pages;
	if (argc - pages != 3) {
		fprintf(stderr, "usage: kvm-vm [--pages] IMAGE DTB\n");
		return 2;
	}
	printf("kvm-vm: a %s VM", make_vm() ? "protected" : "normal");
	ram = make_memory(argv[1], argv[2]);
	if (pages) {
		printf(", page 0x%llx", (unsigned long long)physical(ram));
	}
	printf("\n");
	fflush(stdout);
	run_size = (size_t)call(kvm, KVM_GET_VCPU_MMAP_SIZE, NULL, "KVM_GET_VCPU_MMAP_SIZE");
	for (unsigned int i = 0; i < CPUS; i++) {
		make_vcpu(i);
	}
	make_gic();
	for (unsigned int i = 0; i < CPUS; i++) {
		if (pthread_create(&vcpus[i].thread, NULL, run_vcpu, &vcpus[i]) != 0) {
			stop("a vCPU", "there can be no thread for it");
		}
	}
	pthread_join(vcpus[0].thread, NULL);
	return 1;
}
