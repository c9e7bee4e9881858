# SPDX-License-Identifier: MIT
# nsshell. "make help" lists what can be made.

VERSION   := $(file < VERSION)
PREFIX     = /usr
SYSCONFDIR = /etc
RUNDIR     = /run
# What nsshellctl keeps: the login shells that it has replaced.
STATEDIR   = /var/lib/nsshell
DESTDIR    =
BUILD      = build

bindir     = $(PREFIX)/bin
libdir     = $(PREFIX)/lib/nsshell
sharedir   = $(PREFIX)/share/nsshell
completiondir = $(PREFIX)/share/bash-completion/completions
mandir     = $(PREFIX)/share/man
docdir     = $(PREFIX)/share/doc/nsshell
tmpfilesdir = $(PREFIX)/lib/tmpfiles.d
confdir    = $(SYSCONFDIR)/nsshell
sessiondir = $(libdir)/session
framedir   = $(RUNDIR)/nsshell/session
unitdir    = $(PREFIX)/lib/systemd/system
# Where libpam looks for modules that are named without a path.
multiarch := $(shell $(CC) -print-multiarch 2>/dev/null)
pamlib    := $(or $(multiarch:%=lib/%),$(if $(wildcard /usr/lib64/security),lib64,lib))
pamdir     = $(PREFIX)/$(pamlib)/security

CC       ?= cc
# For what runs while this is built.
HOSTCC   ?= cc
HOSTCFLAGS = -O2
HOSTLDFLAGS =
CFLAGS   ?= -O2 -g
WARNINGS  = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
            -Wwrite-strings -Wvla -Wformat=2 -Wundef -Wno-format-truncation
HARDENING = -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection -fPIE
OWN_CFLAGS = -std=gnu11 -D_GNU_SOURCE $(WARNINGS) $(HARDENING) -I. -Iinclude \
            -DNSH_VERSION='"$(VERSION)"' -DNSH_POLICY_FOLDER='"$(confdir)"' \
            -DNSH_SESSION_FOLDER='"$(sessiondir)"' -DNSH_FRAME_FOLDER='"$(framedir)"' \
            -DNSH_SHELL_PATH='"$(bindir)/nsshell"' -DNSH_HELPER_PATH='"$(libdir)/nsshell-session"' \
            -DNSH_SCOPE_PATH='"$(libdir)/nsshell-scope"' -DNSH_MODULE_PATH='"$(pamdir)/pam_nsshell.so"' \
            -DNSH_CTL_PATH='"$(bindir)/nsshellctl"' -DNSH_STATE_FOLDER='"$(STATEDIR)"' \
            -DNSH_UNIT_FOLDER='"$(unitdir)"' -DNSH_HUB_FILE='"$(RUNDIR)/nsshell/users"'
SECURE_LDFLAGS = -Wl,-z,relro,-z,now,-z,noexecstack
# What the linker took from where, for packaging/make-sbom.
MAP       = -Wl,-Map,$@.map
# A sanitizer's flags, for programs and unit tests; its runtime cannot be linked statically, so STATIC
# is -pie then.
SANITIZE  =
STATIC    = -static-pie
more_objects = $(if $(findstring -fsanitize=,$(SANITIZE)),$(BUILD)/tests/sanitize/options.o)
OWN_LDFLAGS = -fPIE $(STATIC) $(SECURE_LDFLAGS)
# Loaded into sshd and others: nothing but libpam and libc, and nothing to be seen but pam_sm_*.
MODULE_LDFLAGS = -shared -Wl,-z,defs $(SECURE_LDFLAGS)
COMPILE   = $(CC) $(CPPFLAGS) $(OWN_CFLAGS) $(CFLAGS)
COMPILE_OWN = $(COMPILE) $(SANITIZE)
LINK_OWN  = $(CC) $(CFLAGS) $(SANITIZE) $(OWN_LDFLAGS) $(LDFLAGS)

conf_objects    = $(patsubst %.c,$(BUILD)/%.o,$(wildcard conf/*.c))
sandbox_objects = $(patsubst %.c,$(BUILD)/%.o,$(wildcard sandbox/*.c)) \
                  $(BUILD)/filter_x86_64.o $(BUILD)/filter_aarch64.o
shell_objects   = $(patsubst %.c,$(BUILD)/%.o,$(wildcard shell/*.c))
helper_objects  = $(patsubst %.c,$(BUILD)/%.o,$(wildcard pam_module/helper*.c))
ctl_objects     = $(patsubst %.c,$(BUILD)/%.o,$(wildcard ctl/*.c))
module_objects  = $(patsubst %.c,$(BUILD)/pic/%.o,$(wildcard pam_module/module*.c) \
                    conf/err.c conf/id.c conf/field.c conf/printable.c conf/pass.c)
# What of the module can be tested without libpam.
module_parts    = $(patsubst %.c,$(BUILD)/%.o,$(filter-out %/module.c,$(wildcard pam_module/module*.c)))
unit_tests      = $(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/test_*.c))
fuzz_targets    = $(patsubst %.c,$(BUILD)/%,$(filter-out %/dictionary.c,$(wildcard tests/fuzz/*.c)))
test_tools      = $(patsubst %.c,$(BUILD)/%,$(wildcard tests/tools/*.c))
examples        = $(patsubst docs/%,%,$(wildcard docs/examples/*/*.conf docs/examples/*/*/*.conf))
manuals         = $(patsubst docs/%.scd,$(BUILD)/%,$(wildcard docs/*.scd))
# The archives in the order of the layers: sandbox uses conf.
archives        = $(BUILD)/libnsh-sandbox.a $(BUILD)/libnsh-conf.a
# Everything but what has a main() or needs libpam.
all_parts       = $(filter-out %/main.o,$(shell_objects)) $(filter-out %/helper.o,$(helper_objects)) \
                  $(filter-out %/main.o,$(ctl_objects)) $(module_parts) $(archives)

# Paths are compiled in, so the tests, the demo and the bench have builds and folders of their own.
own_build = $(MAKE) BUILD=build/$(1) PREFIX=/opt/nsshell-$(1) SYSCONFDIR=/opt/nsshell-$(1)/etc \
            RUNDIR=/opt/nsshell-$(1)/run STATEDIR=/opt/nsshell-$(1)/var/lib/nsshell
# What is installed and names paths (manuals, units, tmpfiles.d, the profile for AppArmor) names those of this build.
own_paths = -e 's,/etc/nsshell,$(confdir),g' -e 's,/usr/bin/nsshell,$(bindir)/nsshell,g' \
            -e 's,/usr/lib/nsshell,$(libdir),g' -e 's,/run/nsshell/session,$(framedir),g' \
            -e 's,/var/lib/nsshell,$(STATEDIR),g'
# clang's, as its UBSan reports where its ASan does. What they find ends the program.
sanitizers = -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
clang_build = CC=clang HARDENING=-fPIE CFLAGS='-O1 -g -Wno-unknown-warning-option'
SECS      = 60
KINDS    ?= unit lint system
# The system tests that check-sanitize runs: logins with policies of every kind.
SANITIZED = test_policy_login or test_security or test_limits
VALGRIND  = valgrind --quiet --error-exitcode=99 --leak-check=full
# valgrind 3.19 knows neither openat2(2) nor pidfd_open(2).
NO_VALGRIND = test_ask test_path test_hub
comma     = ,
SUDO      = $(if $(filter-out 0,$(shell id -u)),sudo)

all: $(BUILD)/nsshell $(BUILD)/nsshell-session $(BUILD)/nsshell-scope $(BUILD)/nsshellctl $(BUILD)/pam_nsshell.so \
     $(archives) $(manuals) ## build everything into build/

$(BUILD)/nsshell: $(shell_objects) $(more_objects) $(archives)
	$(LINK_OWN) $(MAP) -o $@ $^ -liniparser $(LDLIBS)

$(BUILD)/nsshell-session: $(helper_objects) $(more_objects) $(archives)
	$(LINK_OWN) $(MAP) -o $@ $^ -liniparser $(LDLIBS)

# Only for logins with limits, and where systemd runs: alone with its library.
$(BUILD)/nsshell-scope: $(BUILD)/pam_module/scope.o
	$(CC) $(CFLAGS) $(SANITIZE) -fPIE -pie $(SECURE_LDFLAGS) $(LDFLAGS) $(MAP) -o $@ $^ -lsystemd $(LDLIBS)

# Asks the machine's name service, whose modules need a dynamic program.
$(BUILD)/nsshellctl: $(ctl_objects) $(more_objects) $(archives)
	$(CC) $(CFLAGS) $(SANITIZE) -fPIE -pie $(SECURE_LDFLAGS) $(LDFLAGS) $(MAP) -o $@ $^ -liniparser -ljansson $(LDLIBS)

$(BUILD)/pam_nsshell.so: $(module_objects)
	$(CC) $(CFLAGS) $(MODULE_LDFLAGS) $(LDFLAGS) $(MAP) -o $@ $^ -lpam $(LDLIBS)

$(BUILD)/libnsh-conf.a: $(conf_objects)
	rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/libnsh-sandbox.a: $(sandbox_objects)
	rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/make-filters: $(wildcard sandbox/filters/*.[ch]) sandbox/filter.h $(BUILD)/flags
	$(HOSTCC) -std=gnu11 -D_GNU_SOURCE $(WARNINGS) $(HOSTCFLAGS) -I. -Iinclude $(HOSTLDFLAGS) -o $@ $(filter %.c,$^) -lseccomp

$(BUILD)/filter_%.c: $(BUILD)/make-filters
	$< $* > $@

$(BUILD)/filter_%.o: $(BUILD)/filter_%.c
	$(COMPILE) -c -o $@ $<

$(BUILD)/tests/sanitize/options.o: private CPPFLAGS += -DNSH_REPORTS='"$(PREFIX)/reports"'

# A change of a path or a flag makes everything anew.
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(subst ','\'',$(COMPILE_OWN) $(OWN_LDFLAGS) $(MODULE_LDFLAGS))' | cmp -s - $@ || \
		echo '$(subst ','\'',$(COMPILE_OWN) $(OWN_LDFLAGS) $(MODULE_LDFLAGS))' > $@

$(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(COMPILE_OWN) -MMD -MP -c -o $@ $<

$(BUILD)/pic/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(COMPILE) -fPIC -fvisibility=hidden -MMD -MP -c -o $@ $<

# There is no getent.
$(BUILD)/tests/unit/test_policy: private WRAP = -Wl,--wrap=posix_spawn
# Searches in databases are counted.
$(BUILD)/tests/unit/test_user: private WRAP = -Wl,--wrap=memmem
# The clock of the limits in time is the test's.
$(BUILD)/tests/unit/test_time_limits: private WRAP = -Wl,--wrap=clock_gettime -Wl,--wrap=getuid
$(BUILD)/tests/unit/%: tests/unit/%.c $(all_parts) $(more_objects) $(BUILD)/flags
	@mkdir -p $(@D)
	$(COMPILE_OWN) -MMD -MP -pie -o $@ $< $(more_objects) $(all_parts) $(WRAP) $(LDFLAGS) -liniparser -lcmocka -ljansson -lpam

# Only with clang. What asks the machine of itself is given an answer of the target's.
$(BUILD)/tests/fuzz/policy: private WRAP = -Wl,--wrap=nsh_group_find
$(BUILD)/tests/fuzz/subid: private WRAP = -Wl,--wrap=nsh_database_read
$(BUILD)/tests/fuzz/%: tests/fuzz/%.c $(all_parts) $(BUILD)/flags
	@mkdir -p $(@D)
	$(COMPILE_OWN) -fsanitize=fuzzer -MMD -MP -o $@ $< $(all_parts) $(WRAP) $(LDFLAGS) -liniparser -ljansson

$(BUILD)/dictionary: tests/fuzz/dictionary.c $(BUILD)/conf/keys.o $(BUILD)/libnsh-conf.a
	$(COMPILE_OWN) -o $@-make $^ && $@-make > $@

$(BUILD)/%: docs/%.scd
	@mkdir -p $(@D)
	sed $(own_paths) $< | scdoc > $@

$(BUILD)/tests/tools/%: tests/tools/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(COMPILE) -MMD -MP -pie -o $@ $< $(LDFLAGS) -lpam -lpthread

unit-tests: $(unit_tests) $(BUILD)/pam_nsshell.so

test-tools: $(test_tools)

fuzz-targets: $(fuzz_targets)

install: all ## install below DESTDIR; PREFIX=/usr, SYSCONFDIR=/etc
	install -d $(DESTDIR)$(bindir) $(DESTDIR)$(pamdir)
	install -d $(DESTDIR)$(mandir)/man1 $(DESTDIR)$(mandir)/man5 $(DESTDIR)$(mandir)/man8
	install -d -m 755 $(DESTDIR)$(libdir) $(DESTDIR)$(sessiondir)
	install -d -m 755 $(DESTDIR)$(confdir) $(DESTDIR)$(confdir)/match.d $(DESTDIR)$(confdir)/users.d
	install -d -m 755 $(DESTDIR)$(RUNDIR)
	install -m 711 $(BUILD)/nsshell $(DESTDIR)$(bindir)/nsshell # not to be read: shell/main.c says why
	install -m 755 $(BUILD)/nsshell-session $(DESTDIR)$(libdir)/nsshell-session
	install -m 755 $(BUILD)/nsshell-scope $(DESTDIR)$(libdir)/nsshell-scope
	install -m 644 $(BUILD)/pam_nsshell.so $(DESTDIR)$(pamdir)/pam_nsshell.so
	install -m 755 $(BUILD)/nsshellctl $(DESTDIR)$(bindir)/nsshellctl
	install -m 644 $(BUILD)/nsshell.1 $(DESTDIR)$(mandir)/man1
	install -m 644 $(BUILD)/nsshell.conf.5 $(DESTDIR)$(mandir)/man5
	install -m 644 $(BUILD)/pam_nsshell.8 $(DESTDIR)$(mandir)/man8
	install -m 644 $(BUILD)/nsshellctl.8 $(DESTDIR)$(mandir)/man8
	install -d $(DESTDIR)$(sharedir)/schema $(DESTDIR)$(unitdir)
	install -d -m 700 $(DESTDIR)$(STATEDIR)
	for unit in nsshell-expire.service nsshell-expire.timer; do \
		sed $(own_paths) packaging/systemd/$$unit > $(DESTDIR)$(unitdir)/$$unit && \
		chmod 644 $(DESTDIR)$(unitdir)/$$unit || exit 1; done
	install -m 644 ctl/schema/*.json $(DESTDIR)$(sharedir)/schema
	install -d $(DESTDIR)$(completiondir)
	install -m 644 packaging/completion/nsshellctl $(DESTDIR)$(completiondir)/nsshellctl
	install -d $(DESTDIR)$(tmpfilesdir) $(DESTDIR)$(sharedir)/apparmor
	sed $(own_paths) packaging/tmpfiles.d/nsshell.conf > $(DESTDIR)$(tmpfilesdir)/nsshell.conf
	sed $(own_paths) packaging/apparmor/nsshell > $(DESTDIR)$(sharedir)/apparmor/nsshell
	chmod 644 $(DESTDIR)$(tmpfilesdir)/nsshell.conf $(DESTDIR)$(sharedir)/apparmor/nsshell
	for file in $(examples); do \
		install -D -m 644 docs/$$file $(DESTDIR)$(docdir)/$$file || exit 1; done
	test -e $(DESTDIR)$(confdir)/nsshell.conf || \
		install -m 644 conf/nsshell.conf $(DESTDIR)$(confdir)/nsshell.conf

uninstall: ## give login shells back, remove what install installed, unless a login depends on it; policies stay; see ANYWAY in README.md
	$(if $(DESTDIR),,packaging/before-uninstall $(PREFIX) $(pamdir) $(STATEDIR))
	rm -f $(DESTDIR)$(bindir)/nsshell $(DESTDIR)$(mandir)/man1/nsshell.1
	rm -f $(DESTDIR)$(mandir)/man5/nsshell.conf.5 $(DESTDIR)$(mandir)/man8/pam_nsshell.8
	rm -f $(DESTDIR)$(pamdir)/pam_nsshell.so $(DESTDIR)$(libdir)/nsshell-session
	rm -f $(DESTDIR)$(libdir)/nsshell-scope $(DESTDIR)$(bindir)/nsshellctl
	rm -f $(DESTDIR)$(mandir)/man8/nsshellctl.8
	rm -f $(DESTDIR)$(unitdir)/nsshell-expire.service $(DESTDIR)$(unitdir)/nsshell-expire.timer
	rm -rf $(DESTDIR)$(sharedir)/schema $(DESTDIR)$(sharedir)/apparmor $(DESTDIR)$(docdir)/examples
	rm -f $(DESTDIR)$(tmpfilesdir)/nsshell.conf
	rm -f $(DESTDIR)$(completiondir)/nsshellctl
	-rmdir $(DESTDIR)$(docdir) $(DESTDIR)$(sharedir) $(DESTDIR)$(sessiondir) $(DESTDIR)$(libdir)

check: ## install what is missing, build, run all tests; T=NAME for some of them, KINDS="unit lint" likewise
	packaging/install-missing packaging/build.txt packaging/ssh.txt packaging/check.txt packaging/system.txt packaging/vm.txt
	$(call own_build,check) all unit-tests test-tools
	$(SUDO) $(call own_build,check) install >/dev/null
	$(SUDO) env NSH_PREFIX=/opt/nsshell-check NSH_BUILD=build/check NSH_KINDS='$(KINDS)' \
		NSH_VM_SUITE='$(SUITE)' tests/run $(if $(T),'$(T)')

fuzz: ## fuzz for SECS=60 seconds a target; F=NAME for one target
	packaging/install-missing packaging/build.txt packaging/fuzz.txt
	$(call own_build,fuzz) $(clang_build) SANITIZE='$(sanitizers) -fsanitize=fuzzer-no-link' \
		fuzz-targets build/fuzz/dictionary
	$(call own_build,fuzz) $(clang_build) SANITIZE='-fprofile-instr-generate -fcoverage-mapping' \
		BUILD=build/fuzz/coverage fuzz-targets
	NSH_FUZZ_SECS=$(SECS) tests/fuzz/run $(F)

check-vm: ## the tests in virtual machines alone, with systemd and Debian's own kernels; SUITE=tests/system for all, in hours
	$(MAKE) check T=test_vm

check-sanitize: ## the unit tests with ASan and UBSan, some system tests with UBSan in the programs
	packaging/install-missing packaging/build.txt packaging/ssh.txt packaging/check.txt packaging/system.txt packaging/fuzz.txt
	$(call own_build,sanitize) $(clang_build) SANITIZE='$(sanitizers)' unit-tests
	$(call own_build,sanitize) $(clang_build) SANITIZE='$(subst address$(comma),,$(sanitizers))' STATIC=-pie \
		BUILD=build/sanitize/programs all test-tools
	$(SUDO) $(call own_build,sanitize) BUILD=build/sanitize/programs -o all install >/dev/null
	$(SUDO) rm -rf /opt/nsshell-sanitize/reports
	$(SUDO) install -d -m 1777 /opt/nsshell-sanitize/reports
	$(SUDO) env NSH_BUILD=build/sanitize NSH_KINDS=unit tests/run
	$(SUDO) env NSH_PREFIX=/opt/nsshell-sanitize NSH_BUILD=build/sanitize/programs NSH_KINDS=system \
		NSH_REPORTS=/opt/nsshell-sanitize/reports tests/run '$(SANITIZED)'

check-valgrind: ## the unit tests under valgrind
	packaging/install-missing packaging/build.txt packaging/check.txt
	$(call own_build,valgrind) HARDENING=-fPIE CFLAGS='-O1 -g' unit-tests
	$(SUDO) env NSH_BUILD=build/valgrind NSH_KINDS=unit NSH_WRAP='$(VALGRIND)' \
		NSH_WITHOUT='$(NO_VALGRIND)' tests/run

deb: ## build the Debian package, into build/deb/
	packaging/install-missing packaging/build.txt packaging/deb.txt
	packaging/make-deb build/deb

check-deb: ## build the Debian package, install, upgrade, remove and purge it in a Debian of its own
	packaging/install-missing packaging/build.txt packaging/deb.txt
	$(SUDO) tests/package/run-deb build/check-package

rpm: ## build the source RPM, and on Fedora and RHEL the RPM, into build/rpm/
	! command -v dpkg-query >/dev/null || packaging/install-missing packaging/rpm.txt
	packaging/make-rpm build/rpm

check-rpm: ## build the RPM, check it, install, upgrade and erase it in a Debian of its own
	packaging/install-missing packaging/build.txt packaging/rpm.txt
	$(SUDO) tests/package/run-rpm build/check-package

check-arm64: ## build for arm64 in a Debian of its own, and run the unit tests with the processor emulated
	packaging/install-missing packaging/arm64.txt
	$(SUDO) tests/arm64/run build/check-arm64

dist: ## make the release of what is committed, nsshell-VERSION.tar.xz and its checksum, into build/dist/
	packaging/install-missing packaging/dist.txt
	packaging/make-dist build/dist

sbom: ## say what nsshell is made of, in SPDX, into build/dist/
	packaging/install-missing packaging/build.txt packaging/dist.txt
	$(MAKE) BUILD=build/sbom all
	mkdir -p build/dist
	packaging/make-sbom build/sbom > build/dist/nsshell-$(VERSION).spdx

check-dist: ## make releases, build and test from one, and do all that docs/releasing.md says
	packaging/install-missing packaging/build.txt packaging/dist.txt packaging/deb.txt packaging/check.txt packaging/system.txt
	$(SUDO) env NSH_KINDS=dist tests/run $(if $(T),'$(T)')

check-bare: ## the README's two commands in a bare Debian 12 and 13; FULL=1 for all tests there, VM=1 in virtual machines, in hours
	packaging/install-missing packaging/bare.txt $(if $(VM),packaging/vm.txt)
	$(SUDO) env NSH_KINDS=bare NSH_FULL=$(FULL) NSH_VM=$(VM) tests/run $(if $(T),'$(T)')

check-guide: ## run every command of docs/guide in a virtual machine with the Debian package
	packaging/install-missing packaging/build.txt packaging/ssh.txt packaging/deb.txt packaging/vm.txt
	$(SUDO) tests/guide/run

demo: ## install what is missing, build, show a login over SSH
	packaging/install-missing packaging/build.txt packaging/ssh.txt
	$(call own_build,demo) all
	$(SUDO) $(call own_build,demo) install >/dev/null
	$(SUDO) tests/demo/demo

bench: ## measure against the least possible program, bubblewrap and others, over ssh, and with 1,000 sessions
	packaging/install-missing packaging/build.txt packaging/ssh.txt packaging/bench.txt
	$(call own_build,bench) all
	$(SUDO) $(call own_build,bench) install >/dev/null
	$(SUDO) env $(foreach name,N PAUSE USERS SESSIONS MIB ONLY,$(if $(BENCH_$(name)),BENCH_$(name)='$(BENCH_$(name))')) \
		tests/bench/bench

format: ## format the C files
	clang-format -i include/nsshell/*.h conf/*.[ch] sandbox/*.[ch] shell/*.[ch] \
		pam_module/*.[ch] ctl/*.[ch] sandbox/filters/*.[ch] tests/unit/*.[ch] tests/fuzz/*.[ch] tests/bench/*.c \
		tests/tools/*.c

lint: ## run the checks of tests/lint alone
	for lint in tests/lint/*; do $$lint || exit 1; done

compile_commands.json: ## for editors; needs bear
	bear -- $(MAKE) -B all

clean: ## remove build/
	rm -rf build

help: ## this list
	@sed -n 's/^\([a-z_.-]*\):.*## \(.*\)/  make \1	\2/p' $(MAKEFILE_LIST) | expand -t 26

FORCE:
.PHONY: all install uninstall check check-vm check-sanitize check-valgrind fuzz deb check-deb rpm check-rpm dist sbom check-dist \
	check-bare check-arm64 check-guide demo bench format lint clean help unit-tests test-tools fuzz-targets FORCE
.DELETE_ON_ERROR:
.SECONDARY:

# Not what lies in the trees of packages, whole Debians among them.
-include $(shell find $(BUILD) \( -path $(BUILD)/deb -o -path $(BUILD)/rpm -o -path $(BUILD)/bare -o -path $(BUILD)/vm \
	-o -path $(BUILD)/check-package \) -prune -o -type f -name '*.d' -print 2>/dev/null)
