/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scenarios of the reference page, row by row, and what else the page and its issue ask for, in
 * the same notation (scenario.h). Each is played at several speeds: everything within one tick of
 * /proc's clock, and far apart.
 *
 * Where the page's operations are not ours: an entry without a parent, F(0,3), is a process of the
 * snapshot; deleting is the end of the process; and an inode that is not the expected one (T9, T10) is
 * the time of an image that is not the one we know, which every message names, as well as the inode
 * in a look-up.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "process/scrub.h"
#include "scenario.h"
#include "source/snapshot.h"

static const struct scenario page[] = {
	{ "T1 forks and deletes",
	  "F(0,3) size=1  F(3,4) size=2 anc(4)=3  D(4) size=1  D(3) size=0" },
	{ "T2 a dead parent stays", "F(0,3)=a F(3,4) D(3)  size=1 anc(4)=a ended(a)=T" },
	{ "T3 fork and exec", "F(0,3)=a F(3,4)=c E(4,e)=e  map(4)=e anc(e)=c anc(c)=a size=2" },
	{ "T4 exec of an orphan", "F(0,3)=a F(3,4)=c D(3) E(4,e)=e  anc(e)=c anc(c)=a size=1" },
	{ "T5 and another one",
	  "F(0,3)=a F(3,4)=c D(3) E(4,e1)=e1 E(4,other)=e2  anc(e2)=e1 anc(e1)=c anc(c)=a" },
	{ "T6 the pid of a dead parent again",
	  "F(0,3)=a F(3,4)=b D(3) E(4,e)=e F(0,3)=a2 F(3,5)=d  anc(d)=a2 anc(e)=b anc(b)=a" },
	{ "T7 the pre-exec image forked",
	  "F(0,3)=a F(3,4)=b F(4,5)=c E(4,e)=e  anc(c)=b anc(e)=b" },
	{ "T8 the identical exec again",
	  "F(0,3) F(3,4) E(4,x)=e1  size=2 images=3  E(4,x)  map(4)=e1 size=2 images=3 began(e1)=new"
	  " stat(equal_execs)=1" },
	{ "T8 with other arguments, environment, credentials it is another image",
	  "F(0,3) F(3,4) E(4,x,A=1)=a  E(4,x,-v,A=1)=b E(4,x,-v,A=2)=c Setuid(4,7) E(4,x,-v,A=2)=d"
	  "  anc(d)=c anc(c)=b anc(b)=a  stat(equal_execs)=0" },
	{ "T8 the first exec of a forked child of the same program is one",
	  "F(0,3) E(3,x) F(3,4)=c E(4,x)=e  anc(e)=c is_exec(e)=T is_exec_exec(e)=F"
	  "  stat(equal_execs)=0" },
	{ "T9 a fork names another image of its parent than we know",
	  "F(0,3)=a lost:E(3,b) F(3,4)  size=2 comm(4)=b missing(4)=T lineage(4)=missing" },
	{ "T9 by the inode",
	  "F(0,1) F(1,3)=a lost:E(3,b)  Resolve(3,boot1)=a  Resolve(3,b,cache) found=nil"
	  "  Maps(on) Resolve(3,b)=b exe(b)=b anc(b)=a" },
	{ "T10 an exec names another previous image than we know",
	  "F(0,3) F(3,4) lost:E(4,a) E(4,b)=e  exe(e)=b comm(e)=b missing(e)=T"
	  " lineage(4)=missing size=2" },
	{ "T11 is_exec, is_exec_exec",
	  "F(0,1) F(1,3)=a F(3,4)=b E(4,x)=c E(4,y)=d E(4,z)=e"
	  "  is_exec(a)=F is_exec(b)=F is_exec(c)=T is_exec(d)=T is_exec(e)=T"
	  "  is_exec_exec(a)=F is_exec_exec(b)=F is_exec_exec(c)=F is_exec_exec(d)=T"
	  " is_exec_exec(e)=T" },
	{ "T12 two execs of one from the snapshot",
	  "F(0,1) lost:F(1,3) S(3) lost:F(3,4) S(4)"
	  "  E(4,a) is_exec(4)=T is_exec_exec(4)=F  E(4,b) is_exec(4)=T is_exec_exec(4)=T" },
	/* The kernel tells of those in the snapshot whether they have exec'ed, the page's /proc not. */
	{ "T12 of one that had exec'ed before",
	  "F(0,1) lost:F(1,4) lost:E(4,x) S(4) is_exec(4)=T  E(4,a) is_exec_exec(4)=T" },
	{ "T14 the ancestor is absent: its pid is cached",
	  "F(0,1) lost:F(1,4) S(4,blind)  anc(4)=nil ppid(4)=0  R(4)  anc(4)=1 ppid(4)=1"
	  "  lineage(4)=ok" },
	{ "T14 the ancestor is absent: no pid, the process lives",
	  "F(0,1) lost:F(1,4) S(4,blind)  anc(4)=nil  Procfs(on) Reparent(4)"
	  "  result=1 anc(4)=1 ppid(4)=1 stat(failed.lookup)=0 lineage(4)=ok" },
	{ "T14 the ancestor is absent: no pid, the process is gone",
	  "F(0,1) lost:F(1,4) S(4,blind) lost:X(4)  Procfs(on) Reparent(4)"
	  "  result=0 anc(4)=nil stat(failed.lookup)=1" },
	{ "T15 17 forks of exited processes, cut far above",
	  "F(0,10)=top F(10,11) F(11,12) F(12,13) F(13,14) F(14,15) F(15,16) F(16,17) F(17,18)"
	  " F(18,19) F(19,20) F(20,21) F(21,22) F(22,23)=a F(23,24)=b F(24,25)=c F(25,26)=d F(26,27)"
	  "  D(10) D(11) D(12) D(13) D(14) D(15) D(16) D(17) D(18) D(19) D(20) D(21) D(22) D(23)"
	  " D(24) D(25) D(26) Procfs(on) Reparent(27)"
	  "  result=0 stat(reparented.lookup)=0 stat(failed.lookup)=3 anc(top)=nil"
	  " anc(27)=d anc(d)=c anc(c)=b anc(b)=a" },
	{ "T16 a subreaper, as the exit says",
	  "F(0,1) F(1,2)=g Subreaper(2) F(2,3) F(3,4) X(3)"
	  "  anc(4)=g ppid(4)=2 lineage(4)=ok stat(reparented.exit)=1" },
	{ "T16 a subreaper, as /proc says",
	  "F(0,1) F(1,2)=g Subreaper(2) F(2,3)=p F(3,4) Xq(3)  anc(4)=p"
	  "  Procfs(on) Reparent(4)  result=1 anc(4)=g ppid(4)=2 lineage(4)=ok" },
	{ "T17 the kernel's ppid: the same",
	  "F(0,1) F(1,2) F(2,3) R(3)  anc(3)=2 stat(reparented.event)=0 stat(failed.event)=0" },
	{ "T17 cached",
	  "F(0,1) F(1,2) F(2,3) Adopt(3,1) R(3)  anc(3)=1 ppid(3)=1 stat(reparented.event)=1" },
	{ "T17 unknown",
	  "F(0,1) F(1,2) lost:F(1,5) F(2,3) Adopt(3,5) R(3)"
	  "  anc(3)=2 ppid(3)=2 stat(reparented.event)=0 stat(failed.event)=1 lineage(3)=missing" },
	{ "T17 zero",
	  "F(0,1) F(1,2) F(2,3) Adopt(3,0) R(3)  anc(3)=2 ppid(3)=2 stat(failed.event)=0"
	  " stat(reparented.event)=0" },
	{ "T17 on pid 1", "F(0,1) F(1,2) F(2,3) Adopt(1,3) R(1)  anc(1)=nil stat(failed.event)=0"
			  " stat(reparented.event)=0" },
	{ "M1 1 <- 2 <- 3", "F(0,1) F(1,2) F(2,3)  lineage(3)=ok lineage(1)=ok" },
	{ "M1 a re-exec of pid 1", "F(0,1) E(1,systemd) F(1,2) E(1,systemd2) F(1,3)  lineage(1)=ok"
				   " lineage(2)=ok lineage(3)=ok" },
	{ "M2 no pid 1", "F(0,2) F(2,3)  lineage(3)=incomplete lineage(2)=incomplete" },
	{ "M2 but for kthreadd's",
	  "lost:F(0,2) Kthread(2) S(2) F(2,3)  lineage(3)=ok lineage(2)=ok" },
	{ "M3 pid 1 above pid 1 by a fork",
	  "F(0,1) F(1,2) D(1) lost:F(2,1) S(1)  lineage(1)=wrong" },
	{ "M4 parent_missing on 2, asked from 3",
	  "F(0,1) F(1,2) F(2,3) lost:F(1,5) Adopt(2,5) R(2)  missing(2)=T missing(3)=F"
	  " lineage(3)=missing" },
	{ "M4 it is counted, and the event is shown",
	  "F(0,1) F(1,2) F(2,3) lost:F(1,5) Adopt(2,5) R(2) R(3) shown=T stat(lineage.missing)=2" },
};

static const struct scenario images[] = {
	{ "an exit is that of all images of its process",
	  "F(0,1) F(1,2)=c F(2,3) E(2,x)=e F(2,4) X(2)  ended(c)=T ended(e)=T ended_at(c)=new"
	  " ended_at(e)=new anc(3)=1 anc(4)=1" },
	{ "a stub keeps names and ids",
	  "F(0,3) F(3,4)=c E(4,x,-l)=e F(4,5)  D(3) D(4)  stub(e)=T stub(c)=T exe(e)=x comm(e)=x"
	  " is_exec(e)=T anc(5)=e anc(e)=c Later(31) anc(5)=e held=3 size=1" },
	{ "what nothing descends from is forgotten",
	  "F(0,1) F(1,2) E(2,x) X(2) held=2 Later(31) held=1 images=1" },
	{ "an old image lives on for what it forked",
	  "F(0,1) F(1,2)=c F(2,3) E(2,x) E(2,y) E(2,z)  anc(3)=c size=3 X(2) anc(3)=1" },
	{ "a fork copies what its parent is",
	  "F(0,1) F(1,2) Cgroup(2,web) Ns(2,5) Tty(2,pts1) Setuid(2,7) Login(2,8) E(2,x,-l)"
	  "  F(2,3)  exe(3)=x comm(3)=x args(3)=-l uid(3)=7 auid(3)=8 tty(3)=pts1 cgroup(3)=web"
	  " ns(3)=5 sid(3)=2" },
	{ "an exec keeps what the kernel keeps and replaces the rest",
	  "F(0,1) F(1,2) Cgroup(2,web) Ns(2,5) Tty(2,pts1) Setuid(2,7) Login(2,8) E(2,x,-l)"
	  "  E(2,y,-v)  exe(2)=y comm(2)=y args(2)=-v uid(2)=7 auid(2)=8 tty(2)=pts1 cgroup(2)=web"
	  " ns(2)=5" },
	{ "an exec of a set-id program: the ids after it",
	  "F(0,1) F(1,2) Setuid(2,7) R(2) uid(2)=7  Setuid(2,0) E(2,su) uid(2)=0" },
	{ "what an exec does not say of its context stays",
	  "F(0,1) F(1,2) Cgroup(2,web) Ns(2,5) E(2,x)  Cgroup(2) Ns(2,0) E(2,y)  cgroup(2)=web"
	  " ns(2)=5" },
	{ "of a thread's credentials its process has none",
	  "F(0,1) F(1,2) As(2,77,5) R(2)  uid(2)=0 size=2 map(77)=nil  As(2) Setuid(2,6) R(2)"
	  " uid(2)=6" },
	{ "the exec of a non-leader thread takes over the pid",
	  "F(0,1) F(1,2)=c As(2,77,5) E(2,x)=e  map(2)=e anc(e)=c size=2 map(77)=nil uid(2)=5"
	  " lineage(2)=ok" },
	{ "what a thread forks has the thread's credentials",
	  "F(0,1) F(1,2) As(2,77,5) F(2,3)  uid(3)=5 uid(2)=0 anc(3)=2" },
	{ "a child made for the parent (CLONE_PARENT)",
	  "F(0,1) F(1,2) F(2,3) Fp(3,4)  anc(4)=2 exe(4)=boot1 X(3) anc(4)=2 lineage(4)=ok" },
	{ "a kernel thread's child that execs is none",
	  "F(0,1) lost:F(0,2) Kthread(2) S(2) kthread(2)=T  F(2,3) E(3,modprobe) kthread(3)=F"
	  " lineage(3)=ok" },
	{ "of many execs those nothing descends from are left out",
	  "F(0,1) F(1,2)=c E(2,a)=a F(2,3) E(2,b) E(2,c) E(2,d) E(2,e) E(2,f) E(2,g) E(2,h) E(2,i)"
	  " E(2,j) E(2,k) E(2,l) E(2,m) E(2,n) E(2,o) E(2,p) E(2,q) E(2,r) E(2,s) E(2,t) E(2,u)"
	  " anc(3)=a anc(a)=c lineage(2)=ok" },
};

static const struct scenario losses[] = {
	{ "an exit that was lost shows when the pid is used again",
	  "F(0,1) F(1,2)=a F(2,3) lost:X(2) F(1,2)=b  map(2)=b anc(3)=a ended(a)=T size=3"
	  " stat(reused_pids)=1 anc(b)=1" },
	{ "or when the new one with the pid acts",
	  "F(0,1) F(1,2)=a lost:X(2) lost:F(1,2) R(2)  ended(a)=T size=2 stat(reused_pids)=1" },
	{ "or in a walk",
	  "F(0,1) F(1,2)=a lost:X(2) size=2 Walk size=1 ended(a)=T stat(lost_exits)=1" },
	{ "a walk inserts those that were missed",
	  "F(0,1) lost:F(1,2) lost:F(2,3) lost:E(3,x)  Walk  size=3 anc(3)=2 anc(2)=1 exe(3)=x"
	  " exe(2)=boot1 origin(3)=snapshot lineage(3)=ok" },
	{ "also where children come before their parents",
	  "F(0,1) F(1,9) lost:F(9,3) lost:F(3,2) lost:X(9) lost:F(3,4)  Walk  anc(2)=3 anc(3)=1"
	  " anc(4)=3 lineage(2)=ok lineage(4)=ok" },
	{ "a walk finds execs that were missed",
	  "F(0,1) F(1,2)=c lost:E(2,x)  Walk  exe(2)=x args(2)= anc(2)=c missing(2)=F lineage(2)=ok"
	  " stat(lost_execs)=1" },
	{ "also where an event has told of it before",
	  "F(0,1) F(1,2)=c lost:E(2,x) F(2,3) lineage(2)=missing lineage(3)=missing  Walk  exe(2)=x"
	  " exe(3)=x lineage(2)=ok lineage(3)=ok anc(2)=c" },
	{ "a walk mends parents",
	  "F(0,1) F(1,2) F(2,3) lost:X(2)  Walk  anc(3)=1 ppid(3)=1 size=2 lineage(3)=ok"
	  " stat(reparented.lookup)=1" },
	{ "a walk mends what was marked",
	  "F(0,1) F(1,2) lost:F(1,5) F(2,3) Adopt(3,5) R(3) lineage(3)=missing  Walk  anc(3)=5"
	  " anc(5)=1 lineage(3)=ok" },
	{ "a walk that broke off ends nobody",
	  "F(0,1) F(1,2) F(1,3) Walk(broken) size=3 stat(lost_exits)=0" },
	{ "a walk spares who was forked after it began",
	  "F(0,1) Walk(take) F(1,2) Walk(tell)  size=2 anc(2)=1 lineage(2)=ok" },
	{ "a later exec wins over the walk's word",
	  "F(0,1) F(1,2) Walk(take) E(2,x)=e Walk(tell)  map(2)=e exe(2)=x missing(2)=F"
	  " stat(lost_execs)=0" },
	{ "a later name wins over the walk's word",
	  "F(0,1) F(1,2) Walk(take) R(2,new) Walk(tell)  comm(2)=new" },
	{ "a later end wins over the walk's word",
	  "F(0,1) F(1,2) Walk(take) X(2) Walk(tell)  size=1 map(2)=nil" },
	{ "a later parent wins over the walk's word",
	  "F(0,1) F(1,2) F(2,3) Walk(take) X(2) Walk(tell)  anc(3)=1 ppid(3)=1 lineage(3)=ok size=2" },
	{ "a lost exec and its child: the child is no copy of what we know",
	  "F(0,1) F(1,2)=c lost:E(2,x) F(2,3)  lineage(3)=missing lineage(2)=missing comm(3)=x" },
	{ "a lost exec shows at the end of its process at the latest",
	  "F(0,1) F(1,2)=c lost:E(2,x) X(2) stat(lost_execs)=1 stat(lineage.missing)=1" },
	{ "a lost fork: its child is a placeholder, linked",
	  "F(0,1) lost:F(1,2) R(2)  origin(2)=placeholder anc(2)=1 size=2" },
	{ "nothing is known of the parent either: it is marked",
	  "F(0,1) lost:F(1,2) lost:F(2,3) E(3,x)  exe(3)=x origin(3)=placeholder lineage(3)=missing"
	  " size=3" },
	{ "a fork that comes twice",
	  "F(0,1) twice:F(1,2)  size=2 images=2 anc(2)=1 lineage(2)=ok" },
	{ "an exec that comes twice", "F(0,1) F(1,2)=c twice:E(2,x)  size=2 images=3 anc(2)=c" },
	{ "an exec that comes again, after another one",
	  "F(0,1) F(1,2)=c again:E(2,x)=x E(2,y)=y Late  map(2)=y anc(y)=x anc(x)=c images=4" },
	{ "an exit that comes twice", "F(0,1) F(1,2) twice:X(2)  size=1 held=2 images=2 shown=F" },
	{ "a fork that comes again when its child has ended",
	  "F(0,1) again:F(1,2) X(2) Late  size=1" },
	{ "a fork that comes after its child's end", "F(0,1) late:F(1,2) X(2) Late  size=1" },
	{ "an exec that comes after the end", "F(0,1) F(1,2) late:E(2,x) X(2) Late  size=1" },
	{ "an exec that comes after the next one",
	  "F(0,1) F(1,2)=c late:E(2,x) E(2,y)=y missing(y)=T Late  map(2)=y exe(y.)=x anc(y.)=c"
	  " is_exec_exec(y)=T missing(y)=F lineage(2)=ok" },
	{ "an exec whose previous one was lost, and comes twice",
	  "F(0,1) F(1,2) lost:E(2,x) twice:E(2,y)=y  missing(y)=T exe(y)=y lineage(2)=missing" },
	{ "a walk that was overtaken still tells of the exec that was lost",
	  "F(0,1) F(1,2)=c lost:E(2,x) Walk(take) E(2,y)=y F(2,3) missing(y)=T Walk(tell)"
	  "  exe(y)=y exe(y.)=x anc(y.)=c missing(y)=F lineage(3)=ok comm(2)=y" },
	{ "also where an event named it first",
	  "F(0,1) F(1,2)=c lost:E(2,x) Walk(take) R(2,new) Walk(tell)  exe(2)=x comm(2)=new anc(2)=c"
	  " lineage(2)=ok" },
	{ "two execs that come after a third, out of order",
	  "F(0,1) F(1,2)=c late:E(2,x) E(2,y)=y late:E(2,w) E(2,z)=z Late"
	  "  map(2)=z exe(z.)=w exe(z..)=y exe(z...)=x anc(z...)=c images=6" },
	{ "a fork that comes after its child's exec",
	  "F(0,1) late:F(1,2) E(2,x)=e Late  map(2)=e exe(2)=x anc(2)=1 size=2 lineage(2)=ok" },
	{ "a fork that comes after its child's other events",
	  "F(0,1) late:F(1,2) R(2,name) Late  comm(2)=name exe(2)=boot1 anc(2)=1 size=2" },
	{ "a child's event that comes after its parent's end",
	  "F(0,1) F(1,2) F(2,3) late:R(3) X(2) Late  anc(3)=1 ppid(3)=1 lineage(3)=ok" },
	{ "an old name that comes after a new one",
	  "F(0,1) F(1,2) late:R(2,a) R(2,b) Late  comm(2)=b" },
	{ "old credentials that come after new ones",
	  "F(0,1) F(1,2) Setuid(2,5) late:R(2) Setuid(2,6) R(2) Late  uid(2)=6" },
	{ "a parent and its child within the same tick are no cycle",
	  "F(0,1) F(1,2) F(2,3) Adopt(2,3) R(2)  anc(2)=1 anc(3)=2 lineage(2)=missing" },
	{ "a process that is its own parent is none",
	  "F(0,1) F(1,2) Adopt(2,2) R(2)  anc(2)=1 lineage(2)=missing" },
};

static const struct scenario lookups[] = {
	{ "pid 0 is nothing", "F(0,1) Maps(on) Procfs(on) Resolve(0) found=nil asked=" },
	{ "first the cache",
	  "F(0,1)=a Maps(on) Procfs(on) Resolve(1) found=a asked= stat(hits.cache)=1" },
	{ "then the kernel's maps",
	  "F(0,1) lost:F(1,2) Maps(on) Procfs(on) Resolve(2)=e  anc(e)=1 asked= stat(hits.maps)=1"
	  " origin(2)=kernel_map" },
	{ "then /proc",
	  "F(0,1) lost:F(1,2) Procfs(on) Resolve(2)=e  anc(e)=1 asked=2 stat(hits.procfs)=1"
	  " origin(2)=procfs lineage(2)=ok" },
	{ "if it is allowed",
	  "F(0,1) lost:F(1,2) Procfs(on) Resolve(2,x,cache) found=nil asked= stat(misses)=1" },
	{ "the kernel's maps only when the snapshot is complete",
	  "F(0,1) lost:F(1,2) Maps(on) Ready(off) Resolve(2) found=nil stat(misses)=1"
	  "  Ready(on) Resolve(2)=e anc(e)=1" },
	{ "in /proc a pid is asked for once in 30 s",
	  "F(0,1) Procfs(on) Resolve(9) asked=9 Resolve(9) asked= stat(limited)=1 Later(29)"
	  " Resolve(9) asked= Later(2) Resolve(9) asked=9" },
	{ "another inode than ours is a miss",
	  "F(0,1) F(1,2) Resolve(2,x) found=nil stat(inode_mismatch)=1 stat(misses)=1" },
	{ "which the kernel's map can clear up",
	  "F(0,1) F(1,2)=c lost:E(2,x) Maps(on) Resolve(2,x)=e exe(e)=x anc(e)=c lineage(2)=ok" },
	{ "and /proc",
	  "F(0,1) F(1,2)=c lost:E(2,x) Procfs(on) Resolve(2,x)=e exe(e)=x anc(e)=c asked=2"
	  " missing(e)=F" },
	{ "T13 or not: then it is found, and marked",
	  "F(0,1) F(1,2)=c Procfs(on) Resolve(2,x) found=c missing(c)=T lineage(2)=missing" },
	{ "who is named in an event and not known is asked for",
	  "F(0,1) lost:F(1,2) lost:F(2,3) lost:E(2,x) Maps(on) R(3)  anc(3)=2 anc(2)=1 exe(2)=x"
	  " exe(3)=boot1 lineage(3)=ok stat(placeholders)=0 stat(hits.maps)=2" },
	{ "also in /proc",
	  "F(0,1) lost:F(1,2) lost:F(2,3) Procfs(on) R(3)  anc(3)=2 anc(2)=1 asked=2,3 lineage(3)=ok"
	  " stat(placeholders)=0" },
	{ "an image that is named and not known is asked for",
	  "F(0,1) F(1,2)=c lost:E(2,x) Maps(on) F(2,3)  exe(2)=x anc(2)=c exe(3)=x lineage(3)=ok"
	  " stat(lost_execs)=1" },
	{ "nobody is asked for twice",
	  "F(0,1) F(1,2) F(2,3) Maps(on) Procfs(on) R(3) E(3,x) X(3) asked= stat(hits.maps)=0" },
	{ "of one that ends only the kernel's map is asked",
	  "F(0,1) lost:F(1,2) Procfs(on) X(2) asked= size=1" },
	{ "one that has ended is not asked for",
	  "F(0,1) F(1,2) F(2,3) Xq(2) Maps(on) Procfs(on) Adopt(3,1) R(3) asked= anc(3)=1" },
	{ "parents come first, 16 levels up",
	  "F(0,1) lost:F(1,2) lost:F(2,3) lost:F(3,4) lost:F(4,5) lost:F(5,6) lost:F(6,7) lost:F(7,8)"
	  " lost:F(8,9) lost:F(9,10) lost:F(10,11) lost:F(11,12) lost:F(12,13) lost:F(13,14)"
	  " lost:F(14,15) lost:F(15,16) lost:F(16,17) lost:F(17,18) lost:F(18,19) lost:F(19,20)"
	  " Procfs(on) R(20)  n_asked=17 anc(20)=19 anc(5)=4 origin(5)=procfs origin(4)=procfs"
	  " origin(3)=placeholder lineage(20)=missing  Walk lineage(20)=ok anc(3)=2 anc(2)=1" },
	{ "when there is no time, it is put off",
	  "F(0,1) lost:F(1,2) Procfs(on) Busy R(2)  asked= origin(2)=placeholder stat(deferred)=1"
	  "  Between asked=2 origin(2)=procfs exe(2)=boot1 lineage(2)=ok" },
	{ "children whose reaper is not told are asked for in a quiet moment",
	  "F(0,1) F(1,2)=p F(2,3) Procfs(on) Xq(2) anc(3)=p asked= Between asked=3 anc(3)=1"
	  " lineage(3)=ok" },
	{ "another process has the pid now: it is not the one asked for",
	  "F(0,1) F(1,2) late:F(2,3) X(2) F(1,2)=b Procfs(on) Late  map(2)=b anc(b)=1" },
	{ "what /proc says is younger than an exec under way: that finds its image there",
	  "F(0,1) lost:F(1,2) late:E(2,x,-l,A=1) Procfs(on) Resolve(2)=a exe(a)=x Late  map(2)=a"
	  " previous(a)=nil is_exec(a)=T args(a)=-l lineage(2)=ok" },
	{ "or goes below it",
	  "F(0,1) lost:F(1,2) late:E(2,x) late:E(2,y) Procfs(on) Resolve(2)=a exe(a)=y Late  map(2)=a"
	  " exe(a)=y exe(a.)=x anc(a.)=1 is_exec_exec(a)=T lineage(2)=ok" },
	{ "what the map does not know of its context is its parent's",
	  "F(0,1) F(1,2) Cgroup(2,web) Ns(2,5) E(2,x) lost:F(2,3) Maps(on) R(3)  cgroup(3)=web ns(3)=5" },
	{ "or what was known of it",
	  "F(0,1) F(1,2) Cgroup(2,web) Ns(2,5) E(2,x) lost:E(2,y) Maps(on) R(2)  exe(2)=y"
	  " cgroup(2)=web ns(2)=5" },
	{ "what the map says is old: its parent has ended, so /proc is asked in a quiet moment",
	  "F(0,1) F(1,2)=p lost:F(2,3) lost:F(3,4) X(2) Maps(on) Procfs(on) R(4)  anc(4)=3 anc(3)=p"
	  " ended(p)=T asked=  Between asked=3 anc(3)=1 lineage(4)=ok" },
	{ "who is only in the map does not live on",
	  "F(0,1) F(1,2) Maps(on) lost:F(2,3) late:F(3,4) lost:X(3) Walk(take) Late Walk(tell)"
	  "  size=3 map(3)=nil anc(4)=1" },
	{ "/proc is asked three fork levels up",
	  "F(0,1) F(1,2) F(2,3)=c F(3,4)=d F(4,5)=e F(5,6) Xq(2) Xq(3) Xq(4) Xq(5)  Procfs(on)"
	  " Reparent(6) result=1 anc(6)=1 asked=6" },
	{ "a missing ancestor is filled in",
	  "F(0,1) lost:F(1,2) lost:F(2,3) S(3,blind) lost:F(3,4) S(4)  anc(4)=3 anc(3)=nil"
	  " lineage(4)=incomplete  Procfs(on) Reparent(4) result=1 anc(3)=2 anc(2)=1 lineage(4)=ok" },
};

static const struct scenario memory[] = {
	{ "over the cap only those that have ended go",
	  "F(0,1) F(1,2) F(1,3) F(1,4) F(2,5) X(3) X(4) held=5 Cap(1) Later(0)  held=3 size=3"
	  " stat(evicted)=2 anc(5)=2 lineage(5)=ok" },
	{ "what something descends from stays",
	  "F(0,1) F(1,2)=c F(2,3) Xq(2) Cap(1) Later(0)  anc(3)=c exe(c)=boot1 held=3" },
};

static void test_scenario(void **state)
{
	static const uint64_t speeds[] = SCENARIO_SPEEDS;
	const struct scenario *s = *state;
	char why[256];

	for (size_t i = 0; i < sizeof(speeds) / sizeof(speeds[0]); i++)
		if (!scenario_run(s->text, speeds[i], why, sizeof(why)))
			fail_msg("%s [a step takes %llu ns]", why, (unsigned long long)speeds[i]);
}

/* Messages of a live source, into the resolver alone. */
struct live {
	struct sensor sensor;
	struct kernel none;
};

static int ask_proc(void *user, uint32_t pid, uint64_t start)
{
	return snapshot_one(pid, start, false, sensor_message, user);
}

static void test_t13_real_pid_wrong_inode(void **state)
{
	const struct lookup_ops ops = { .procfs = ask_proc };
	struct live *l = calloc(1, sizeof(*l));
	struct image *i;
	struct stat own;
	pid_t child;

	(void)state;
	assert_non_null(l);
	sensor_init(&l->sensor, &l->none);
	l->sensor.lookup.ops = ops;
	assert_int_equal(stat("/proc/self/exe", &own), 0);
	child = fork();
	if (!child) {
		pause();
		_exit(0);
	}
	assert_true(child > 0);

	i = lookup_resolve(&l->sensor.lookup, (uint32_t)child, own.st_ino + 1, true);
	assert_non_null(i);
	assert_int_equal(i->pid, child);
	assert_int_equal(i->info->file.ino, own.st_ino);
	assert_true(image_is(i, IMAGE_PARENT_MISSING));
	assert_int_equal(lineage_check(i), LINEAGE_MISSING_PARENT);
	assert_int_equal(image_process(i)->origin, FROM_PROCFS);
	/* Its ancestors were asked for before it. */
	assert_non_null(i->parent);
	assert_int_equal(i->parent->pid, getpid());
	assert_int_equal(l->sensor.lookup.stats.inode_mismatch, 1);
	/* With the right one it is in the cache. */
	assert_ptr_equal(lookup_resolve(&l->sensor.lookup, (uint32_t)child, own.st_ino, false), i);
	assert_null(l->sensor.wrong);

	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	sensor_free(&l->sensor);
	free(l);
}

/* The stored list stays as it is: the view is of the same strings, masked. */
static void test_s1_scrubber(void **state)
{
	static const struct {
		const char *list;
		size_t len;
		const char *masked;
		size_t masked_len;
	} forms[] = {
#define ROW(a, b) { a, sizeof(a), b, sizeof(b) }
		ROW("cmd\0--secret\0"
		    "123\0--token\0"
		    "123\0--jwt\0abc",
		    "cmd\0--secret\0********\0--token\0********\0--jwt\0********"),
		ROW("cmd --secret 123 --token 123 --jwt abc",
		    "cmd --secret ******** --token ******** --jwt ********"),
		ROW("cmd\0--secret 123 --token 123 --jwt abc",
		    "cmd\0--secret ******** --token ******** --jwt ********"),
#undef ROW
	};

	(void)state;
	for (size_t n = 0; n < sizeof(forms) / sizeof(forms[0]); n++) {
		struct buf out = { 0 };

		scrub_list(scrub_default(), (str_t){ forms[n].list, forms[n].len }, &out);
		assert_int_equal(out.len, forms[n].masked_len);
		assert_memory_equal(out.data, forms[n].masked, out.len);
		buf_free(&out);
	}
}

#define N(a) (sizeof(a) / sizeof((a)[0]))

static size_t add(struct CMUnitTest *tests, const struct scenario *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		tests[i] = (struct CMUnitTest){ .name = list[i].name,
						.test_func = test_scenario,
						.initial_state = (void *)&list[i] };
	return n;
}

int main(void)
{
	static struct CMUnitTest
		tests[N(page) + N(images) + N(losses) + N(lookups) + N(memory) + 2];
	size_t n = add(tests, page, N(page));

	n += add(tests + n, images, N(images));
	n += add(tests + n, losses, N(losses));
	n += add(tests + n, lookups, N(lookups));
	n += add(tests + n, memory, N(memory));
	tests[n++] = (struct CMUnitTest){ .name = "T13 a real pid with a wrong inode",
					  .test_func = test_t13_real_pid_wrong_inode };
	tests[n++] =
		(struct CMUnitTest){ .name = "S1 the scrubber", .test_func = test_s1_scrubber };
	return cmocka_run_group_tests_name("scenarios", tests, NULL, NULL);
}
