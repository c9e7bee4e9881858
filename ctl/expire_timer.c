/* SPDX-License-Identifier: MIT */
/*
 * Having trials end.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/expire_timer.h"
#include "ctl/process.h"
#include "ctl/spawn.h"
#include "nsshell/cgroup.h"
#include "nsshell/cleanup.h"
#include "nsshell/paths.h"

#define TIMER "nsshell-expire.timer"
#define SERVICE "nsshell-expire.service"

/* cron reads no file with a "." in its name, and so not the one that is being written. */
#define CRON_FOLDER "/etc/cron.d"
#define CRON_FILE CRON_FOLDER "/nsshell-expire"
#define CRON_NEW CRON_FOLDER "/.nsshell-expire.new"

#define SYSTEMD_SECONDS 60

static const char line[] =
	"# nsshellctl enable --try makes this file, and removes it after the last trial.\n"
	"* * * * * root " NSH_CTL_PATH " expire\n";

static int systemctl(struct nsh_err *err, const char *verb, const char *option, const char *one,
		     const char *other)
{
	const char *argv[] = {"systemctl", "--quiet", verb, option, one, other, NULL};
	struct nsh_output output;
	int ret = nsh_spawn(&output, argv, SYSTEMD_SECONDS, err);

	if (ret < 0)
		return ret;
	output.text[strcspn(output.text, "\n")] = '\0';
	if (output.status)
		ret = nsh_err_set(err, NSH_REASON_MACHINE, -EIO, "systemctl %s " TIMER ": %s", verb,
				  output.text);
	free(output.text);
	return ret;
}

/* systemd does not wait until its links are on the disk. */
static int sync_links(struct nsh_err *err)
{
	NSH_CLOSE int folder = open("/etc/systemd/system", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (folder >= 0 && syncfs(folder) == 0)
		return 0;
	return nsh_err_sys(err, NSH_REASON_MACHINE, -errno, "/etc/systemd/system");
}

/* Linked, as a build with folders of its own has its units where systemd does not look. */
static int start_timer(struct nsh_err *err)
{
	int ret = systemctl(err, "link", "--", NSH_UNIT_FOLDER "/" SERVICE,
			    NSH_UNIT_FOLDER "/" TIMER);

	if (ret == 0)
		ret = systemctl(err, "enable", "--now", TIMER, NULL);
	return ret < 0 ? ret : sync_links(err);
}

/*
 * Root's, by the user id that it has, as files of /proc belong to root where a user's process is not dumpable. A
 * container's reads no file of the machine's.
 */
static bool is_cron(const char *pid)
{
	NSH_CLOSE int folder = nsh_process_open((pid_t)strtol(pid, NULL, 10));
	struct nsh_process process;

	return folder >= 0 && nsh_process_read(&process, folder) && process.uid == 0 &&
	       process.depth == 1 &&
	       (!strcmp(process.name, "cron") || !strcmp(process.name, "crond"));
}

static bool cron_runs(void)
{
	DIR *proc = opendir("/proc");
	const struct dirent *entry;
	bool found = false;

	while (proc && !found && (entry = readdir(proc)))
		found = entry->d_name[strspn(entry->d_name, "0123456789")] == '\0' &&
			is_cron(entry->d_name);
	if (proc)
		closedir(proc);
	return found;
}

static int write_file(void)
{
	NSH_CLOSE int fd = -1;

	unlink(CRON_NEW);
	fd = open(CRON_NEW, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0 || fchmod(fd, 0644) < 0)
		return -errno;
	errno = EIO;
	if (write(fd, line, sizeof(line) - 1) != (ssize_t)(sizeof(line) - 1) || fsync(fd) < 0 ||
	    rename(CRON_NEW, CRON_FILE) < 0)
		return -errno;
	return 0;
}

/* The folder is synced too: this has to be there after a loss of power. */
static int start_cron(struct nsh_err *err)
{
	NSH_CLOSE int folder = open(CRON_FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int ret = folder < 0 ? -errno : write_file();

	if (ret == 0 && fsync(folder) < 0)
		ret = -errno;
	return ret < 0 ? nsh_err_sys(err, NSH_REASON_MACHINE, ret, CRON_FILE) : 0;
}

int nsh_expire_timer_start(struct nsh_err *err)
{
	if (nsh_systemd_runs())
		return start_timer(err);
	if (cron_runs())
		return start_cron(err);
	return nsh_err_set(err, NSH_REASON_MACHINE, -EOPNOTSUPP,
			   "neither systemd nor cron runs here, and nothing could end a trial");
}

/* A machine may have been started with the one and then with the other. */
int nsh_expire_timer_stop(struct nsh_err *err)
{
	int ret = 0;

	if (unlink(CRON_FILE) < 0 && errno != ENOENT)
		ret = nsh_err_sys(err, NSH_REASON_MACHINE, -errno, CRON_FILE);
	if (!nsh_systemd_runs() ||
	    access("/etc/systemd/system/timers.target.wants/" TIMER, F_OK) < 0)
		return ret;
	return systemctl(err, "disable", "--now", TIMER, NULL) < 0 ? -EIO : ret;
}
