/* SPDX-License-Identifier: MIT */
/*
 * The doctor on logins that do not come through the PAM module: nsshell, as the user, has to make all of it, and refuses
 * what only the module makes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/account.h"
#include "ctl/doctor.h"
#include "ctl/read.h"
#include "ctl/spawn.h"
#include "nsshell/hub.h"
#include "nsshell/login.h"
#include "nsshell/preview.h"
#include "nsshell/sandbox.h"
#include "nsshell/paths.h"

#define TRIAL_SECONDS 30

/* Where AppArmor says who may, its profile of nsshell does, which nsshellctl has not. */
static int try_namespaces(struct nsh_err *err)
{
	long long restricted;

	if (nsh_read_number(NSH_APPARMOR_SWITCH, &restricted) && restricted)
		return 0;
	return nsh_doctor_try_namespaces(err);
}

/* Where a hub counts and shares sessions nothing is begun, as it could end others or find no room: it is planned. */
static int plan(struct nsh_policy *policy, const struct nsh_user *user, struct nsh_err *err)
{
	struct nsh_preview preview;
	int ret = nsh_login_check_standalone(policy, err);

	if (ret == 0)
		ret = nsh_preview_make(&preview, policy, user, NSH_FORM_STANDALONE, err);
	if (ret < 0)
		return ret;
	nsh_preview_free(&preview);
	return try_namespaces(err);
}

static int try_login(void *data, struct nsh_err *err)
{
	const struct nsh_doctor *doctor = data;
	const struct nsh_place place = {.folder = NSH_POLICY_FOLDER};
	struct nsh_policy policy;
	int ret = nsh_sandbox_become(doctor->user, err);

	if (ret == 0 && chdir("/") < 0)
		ret = nsh_err_sys(err, NSH_REASON_ACCOUNT, -errno, "/");
	if (ret == 0)
		ret = nsh_policy_load(&policy, &place, doctor->user, NULL, err);
	if (ret == 0 && nsh_hub_is_needed(&policy, true)) {
		ret = plan(&policy, doctor->user, err);
	} else if (ret == 0) {
		execle(NSH_SHELL_PATH, "nsshell", "-c", "true", (char *)NULL,
		       (char *[]){(char *)"PATH=/usr/bin:/bin", NULL});
		ret = nsh_err_sys(err, NSH_REASON_SHELL, -errno, "%s", NSH_SHELL_PATH);
	}
	return ret;
}

/* Of ssh alone: what other services lack is told of each. */
static bool comes_without(const struct nsh_doctor *doctor)
{
	const struct nsh_user *user = doctor->user;
	int confine = nsh_doctor_number(doctor, NSH_KEY_SESSION_CONFINE, NSH_CONFINE_NO);

	return geteuid() == 0 && user->uid != 0 && doctor->has_policy &&
	       doctor->sshd_state != NSH_SSHD_ABSENT && !doctor->has_module[NSH_SERVICE_SSHD] &&
	       confine != NSH_CONFINE_NO && confine != NSH_CONFINE_DENY &&
	       !nsh_account_runs_nothing(user->shell) &&
	       nsh_doctor_number(doctor, NSH_KEY_POLICY_REQUIRE_PAM, NSH_NO) != NSH_YES;
}

void nsh_doctor_unframed(struct nsh_doctor *doctor)
{
	struct nsh_output output;
	struct nsh_err err;

	if (!comes_without(doctor))
		return;
	if (nsh_spawn_function(&output, try_login, doctor, TRIAL_SECONDS, &err) < 0) {
		nsh_find_unknown(doctor, "pam", "a login without the PAM module", err.text);
		return;
	}
	output.text[strcspn(output.text, "\n")] = '\0';
	if (output.status) {
		nsh_find(doctor, NSH_LEVEL_FAIL, "pam",
			 "a login of %s without the PAM module would be refused: %s",
			 doctor->user->name, output.text);
		nsh_advise(doctor, "put the module into sshd's PAM file, or mend that first");
	} else {
		nsh_find(doctor, NSH_LEVEL_OK, "pam",
			 "a login of %s without the PAM module has a session, too",
			 doctor->user->name);
	}
	free(output.text);
}
