/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A language for scenarios, close to the notation of the reference page: what happens in a model
 * kernel, whose messages go through the whole resolver, and what must then hold. Statements are
 * separated by blanks. A process is named by its pid, an image by the name it was given; a pid where
 * an image is asked for is the newest image of the live process; e. is the image that e replaced, e..
 * the one before that.
 *
 * What happens:
 *
 *	F(3,4)		3 forks 4; F(0,4): 4 was there at the start, without a parent. Fp(3,4): with
 *			CLONE_PARENT
 *	E(4,ls,-l,A=1)	exec of a file, its arguments after its name, its environment
 *	X(4) D(4)	the end of a process. Xq(4): its message does not say who gets the children
 *	R(4) R(4,name)	a rename, which is any event: it tells who acts, and its parent
 *	Walk		a walk through all processes after a loss. Walk(take), Walk(tell): what was seen
 *			then, is told now. Walk(broken): it broke off after the first
 *	S(4) S(4,blind)	the snapshot tells of a process; it does not know its parent
 *	lost:F(3,4)	it happens, but its message is lost; twice: it comes twice, late: at `Late`,
 *			again: now, and once more at `Late`
 *
 * What changes in the kernel without a message: Subreaper(2), Adopt(3,5) (5 is 3's parent now; 0:
 * nobody), Setuid(4,1000), Login(4,1000), Tty(4,pts1), Cgroup(4,web), Ns(4,7), As(4,77,1000) (a thread
 * of 4 with credentials of its own acts for it; As(4): its leader again), Kthread(4).
 *
 * The resolver: Maps(on) Procfs(on) (what can be asked; nothing at first), Ready(off), Resolve(4)
 * Resolve(4,ls) Resolve(4,ls,cache) (found: by the inode of ls; not in /proc), Reparent(4),
 * Between (what is done when no event waits), Later(31) (so many seconds go by), Busy (no time for /proc
 * while events wait), Cap(1000) (bytes).
 *
 * An event, or Resolve, gives its image a name by =name.
 *
 * What must hold: size=2 (of the pid map), held=3 (processes that can be looked up), images=4,
 * map(4)=e, anc(e)=c, parent(e)=c (fork edge), previous(e)=c (exec edge), is_exec(e)=T,
 * is_exec_exec(e)=F, missing(e)=T (it is known that what is above it is wrong or unknown), lineage(4)=ok
 * (missing, wrong, incomplete), exe(e)=ls, comm(4)=ls, args(4)=-l, ended(c)=T, stub(c)=T, began(e)=new
 * (at the last event), ended_at(c)=new, uid, auid, tty, cgroup, ns, sid, origin(4)=event, kthread(4)=T,
 * ppid(4)=3, shown=T, result=2 (of Reparent), asked=4,3 (in /proc, in this order; begins anew after
 * each look), n_asked=2, stat(name)=1.
 */
#ifndef TSR_TESTS_SCENARIO_H
#define TSR_TESTS_SCENARIO_H

#include <stdint.h>

#include "sensor.h"

struct scenario {
	const char *name, *text;
};

/* How much time there is between two things: within a tick of /proc, about one, and far more. */
#define SCENARIO_SPEEDS                  \
	{                                \
		1000, 3000000, 500000000 \
	}

/*
 * Runs a text; false: what did not hold is in why, of size bytes. The state is checked after each
 * message.
 */
bool scenario_run(const char *text, uint64_t step, char *why, size_t size);

#endif
