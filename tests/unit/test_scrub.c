/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scrubbing: what is masked, what is not, and that no secret of a known form is ever let through.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "build_messages.h"
#include "secret_commands.h"

static size_t count_strings(str_t list)
{
	size_t n = 0;

	for (size_t i = 0; i < list.len; i++)
		n += list.bytes[i] == '\0' || i + 1 == list.len;
	return n;
}

/* For messages: NULs as '|'. */
static const char *readable(const char *bytes, size_t len)
{
	static char text[2][4096];
	static unsigned int turn;
	char *s = text[turn++ % 2];

	if (len >= sizeof(text[0]))
		len = sizeof(text[0]) - 1;
	for (size_t i = 0; i < len; i++)
		s[i] = bytes[i] ? bytes[i] : '|';
	s[len] = '\0';
	return s;
}

/* Also what must hold of every list; regexes can match what they made of it, words cannot. */
static void check_with(const struct scrubber *s, bool words_only, const char *file, int line,
		       str_t in, str_t want)
{
	char *copy = memcpy(malloc(in.len + 1), in.bytes, in.len);
	struct buf out = { 0 }, again = { 0 };

	scrub_list(s, in, &out);
	if (out.len != want.len || memcmp(out.data, want.bytes, want.len)) {
		print_error("%s\n  became %s\n", readable(in.bytes, in.len),
			    readable(out.data, out.len));
		print_error("  not    %s\n", readable(want.bytes, want.len));
		_fail(file, line);
	}
	if (memcmp(in.bytes, copy, in.len)) {
		print_error("the list itself was changed\n");
		_fail(file, line);
	}
	if (!scrub_suspect(s, in) && (out.len != in.len || memcmp(out.data, in.bytes, in.len))) {
		print_error("%s: changed, though not suspect\n", readable(in.bytes, in.len));
		_fail(file, line);
	}
	if (count_strings((str_t){ out.data, out.len }) != count_strings(in)) {
		print_error("%s: another number of strings\n", readable(in.bytes, in.len));
		_fail(file, line);
	}
	scrub_list(s, (str_t){ out.data, out.len }, &again);
	if (words_only && (again.len != out.len || memcmp(again.data, out.data, out.len))) {
		print_error("%s\n  scrubbed again is %s\n", readable(out.data, out.len),
			    readable(again.data, again.len));
		_fail(file, line);
	}
	buf_free(&out);
	buf_free(&again);
	free(copy);
}

#define check_str(in, want) check_with(scrub_default(), true, __FILE__, __LINE__, in, want)
#define check(in, want)	    check_str(LIST(in), LIST(want))
#define check_same(in)	    check(in, in)

/* By a scrubber of the test's own. */
#define check_by(s, in, want)	 check_with(s, true, __FILE__, __LINE__, LIST(in), LIST(want))
#define check_regex(s, in, want) check_with(s, false, __FILE__, __LINE__, LIST(in), LIST(want))

/* Scenario S1 of the specification. */
static void test_scenario(void **state)
{
	(void)state;
	check("cmd --secret 123 --token 123 --jwt abc",
	      "cmd --secret ******** --token ******** --jwt ********");
	check("cmd\0--secret\000123\0--token\000123\0--jwt\0abc",
	      "cmd\0--secret\0********\0--token\0********\0--jwt\0********");
}

static void test_every_word(void **state)
{
	static const char *const words[] = { "password",    "passwd",  "mysql_pwd",  "access_token",
					     "auth_token",  "api_key", "apikey",     "secret",
					     "credentials", "token",   "stripetoken" };
	char in[128], want[128];

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		for (int form = 0; form < 8; form++) {
			const char *before = form & 1 ? "my-" : "", *behind = form & 2 ? "-2" : "";
			const char *sep = form & 4 ? "=" : " ";

			snprintf(in, sizeof(in), "cmd --%s%s%s%sv4lue end", before, words[i],
				 behind, sep);
			snprintf(want, sizeof(want), "cmd --%s%s%s%s" MASK " end", before, words[i],
				 behind, sep);
			check_str(((str_t){ in, strlen(in) + 1 }),
				  ((str_t){ want, strlen(want) + 1 }));
		}
	}
}

static void test_jwt(void **state)
{
	(void)state;
	check("cmd\0--jwt=abc", "cmd\0--jwt=********");
	check("cmd\0--JWT\0abc\0def", "cmd\0--JWT\0********\0def");
	check("cmd \"--jwt\" abc", "cmd \"--jwt\" ********");
	/* the word alone, or as part of another, is too common */
	check_same("cmd jwt abc");
	check_same("cmd\0-jwt\0abc");
	check_same("cmd --jwt-issuer me");
	check_same("cmd jwt=abc");
}

static void test_separators(void **state)
{
	(void)state;
	check("c --password=abc d", "c --password=******** d");
	check("c password:abc d", "c password:******** d");
	check("c password: abc d", "c password: ******** d");
	check("c password = abc d", "c password = ******** d");
	check("c password : abc d", "c password : ******** d");
	check("c password= abc d", "c password= ******** d");
	check("c -password \t abc d", "c -password \t ******** d");
	check("c password\nabc\nd", "c password\n********\nd");
	check("c\0password\0=\0abc\0d", "c\0password\0=\0********\0d");
	check("c\0Password:\0abc\0d", "c\0Password:\0********\0d");
	check("c\0--password\0=abc\0d", "c\0--password\0********\0d");
	/* an empty value is one: the next string is not in its place */
	check("c\0--password=\0d", "c\0--password=\0d");
	check("c\0--password\0\0d", "c\0--password\0\0d");
	check("c --password", "c --password");
	check("c\0--password", "c\0--password");
	check("c\0--password \0a b", "c\0--password \0********");
}

static void test_case(void **state)
{
	(void)state;
	check("c\0--PassWord\0x", "c\0--PassWord\0********");
	check("c\0DB_PASSWORD=x", "c\0DB_PASSWORD=********");
	check("c -H X-API_KEY:x", "c -H X-API_KEY:********");
	/* '@' and '`', '[' and '{' differ in the same bit as 'A' and 'a': letters only */
	check_same("c MYSQL\x7fPWD x api\x7fkey x");
}

static void test_quotes(void **state)
{
	(void)state;
	check("c --password \"a b\" d", "c --password ******** d");
	check("c --password='a b' d", "c --password=******** d");
	check("c --password='a'\"b c\"d e", "c --password=******** e");
	check("c --password=a\"b c\" d", "c --password=******** d");
	check("c --password \"a\\\" b\" d", "c --password ******** d");
	check("c --password a\\ b d", "c --password ******** d");
	check("c --password '\\' d", "c --password ******** d");
	/* a quote that does not end: all the rest, rather than too little */
	check("c --password 'a b d", "c --password ********");
	check("c --password \"a b\\\"", "c --password ********");
	check("c --password a\\", "c --password ********");
	/* quotes around the key, or around both */
	check("c \"--password\" a b", "c \"--password\" ******** b");
	check("c '--password'=a b", "c '--password'=******** b");
	check("curl -H 'X-Auth-Token: a b' http://h/",
	      "curl -H 'X-Auth-Token: ********' http://h/");
	check("c \"password=a b\" d", "c \"password=********\" d");
	check("c \"password=a b\"'c d'e f", "c \"password=********\" f");
	check("c {\"password\": \"a b\"} d", "c {\"password\": ******** d");
	check("c\0\"password\": \"a b\", \"c\": 1", "c\0\"password\": ********");
}

static void test_strings_of_their_own(void **state)
{
	(void)state;
	check("c\0--password\0a b c\0d", "c\0--password\0********\0d");
	check("c\0--password\0--x y\0d", "c\0--password\0********\0d");
	check("c\0--password=correct horse\0d", "c\0--password=********\0d");
	check("c\0-H\0X-Auth-Token: Bearer abc\0d", "c\0-H\0X-Auth-Token: ********\0d");
	check("c\0TOKEN=a b\0d e", "c\0TOKEN=********\0d e");
	check("c\0--password\0'a\0b'", "c\0--password\0********\0b'");
}

/* An option that looks like a key in the place of a value: what it is can't be told. */
static void test_key_as_value(void **state)
{
	(void)state;
	check("c\0--password-stdin\0--token\0abc\0d", "c\0--password-stdin\0********\0********\0d");
	check("c --password-stdin --token abc d", "c --password-stdin ******** ******** d");
	check("c --password-stdin --token=abc d", "c --password-stdin ******** d");
	check("c\0--password\0--verbose\0d", "c\0--password\0********\0d");
	check("c\0--password\0token\0d", "c\0--password\0********\0d");
}

static void test_environment(void **state)
{
	(void)state;
	check("AWS_SECRET_ACCESS_KEY=a b=c\0HOME=/root",
	      "AWS_SECRET_ACCESS_KEY=********\0HOME=/root");
	check("HOME=/root\0MYSQL_PWD=x\0TOKEN=\0A=b",
	      "HOME=/root\0MYSQL_PWD=********\0TOKEN=\0A=b");
	check("GITHUB_TOKEN=--secret\0A=b", "GITHUB_TOKEN=********\0A=b");
}

static void test_not_a_key(void **state)
{
	(void)state;
	check_same("cat /etc/passwd /etc/group");
	check_same("cat\0/etc/passwd\0/etc/group");
	check_same("cat ../passwd/x y");
	check_same("cat passwd/x y");
	check_same("/usr/bin/passwd\0root");
	check_same("passwd\0root");
	check_same("passwd root");
	check_same("echo $PASSWORD x");
	check_same("echo $TOKEN\0x");
	check_same("echo my$TOKEN x");
	check_same("ls\0-l\0--pass\0word\0tok\0en\0a");
	check_same("");
	check_same("\0\0");
	/* but who calls argv[0] NAME=value hides nothing by it */
	check("password=abc\0d", "password=********\0d");
	check("--token\0abc\0d", "--token\0********\0d");
	/* and behind argv[0] the word is a key */
	check("sudo\0passwd\0root", "sudo\0passwd\0********");
}

static void test_no_nul_at_the_end(void **state)
{
	static const str_t cut[] = {
		{ "c\0--password\0abc", 16 }, { "c\0--password\0abc", 13 },
		{ "c\0--password\0abc", 12 }, { "c\0--password\0abc", 11 },
		{ "c\0--password=a b", 16 },
	};
	static const str_t want[] = {
		{ "c\0--password\0********", 22 }, { "c\0--password", 13 },
		{ "c\0--password", 13 },	   { "c\0--passwor", 12 },
		{ "c\0--password=********", 22 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cut) / sizeof(cut[0]); i++) {
		/* exactly as long as it is: a read beyond it is seen */
		char *bytes = memcpy(malloc(cut[i].len), cut[i].bytes, cut[i].len);
		struct buf out = { 0 };

		scrub_list(scrub_default(), (str_t){ bytes, cut[i].len }, &out);
		assert_int_equal(out.len, want[i].len);
		assert_memory_equal(out.data, want[i].bytes, want[i].len);
		buf_free(&out);
		free(bytes);
	}
	assert_false(scrub_suspect(scrub_default(), (str_t){ NULL, 0 }));
	assert_false(scrub_suspect(scrub_default(), (str_t){ "token", 4 }));
	assert_true(scrub_suspect(scrub_default(), (str_t){ "token", 5 }));
}

static void test_appends(void **state)
{
	struct buf out = { 0 };

	(void)state;
	buf_lit(&out, "before");
	scrub_list(scrub_default(), LIST("c\0--token\0a"), &out);
	assert_int_equal(out.len, 6 + sizeof("c\0--token\0********"));
	assert_memory_equal(out.data, "beforec\0--token\0********", out.len);
	buf_free(&out);
}

/* Keys inside a word: there only '=' and ':' end them. */
static void test_inside_a_word(void **state)
{
	(void)state;
	check("curl\0http://h/?token=abc&x=1", "curl\0http://h/?token=********&x=1");
	check("curl http://h/p?x=1&Api_Key=a:b;c,d&y -o f",
	      "curl http://h/p?x=1&Api_Key=********&y -o f");
	check("curl 'http://h/?x=1&token=abc' -o f", "curl 'http://h/?x=1&token=********' -o f");
	check("curl \"http://h/?token=abc&secret=a b&y\" -o f",
	      "curl \"http://h/?token=********&secret=********&y\" -o f");
	check("curl --url=http://h/?token=abc -o f", "curl --url=http://h/?token=******** -o f");
	check("curl http://h/?token=&x=1&secret=", "curl http://h/?token=&x=1&secret=");
	check("mount\0-o\0user=u,password=p,rw", "mount\0-o\0user=u,password=********,rw");
	check("mount -o user=u,password=\"p,q\",rw /m", "mount -o user=u,password=********,rw /m");
	check("c\0Server=s;Password=a b;Uid=u", "c\0Server=s;Password=********;Uid=u");
	check("c Server=s;Password=a Uid=u", "c Server=s;Password=******** Uid=u");
	check("sh\0-c\0cd /x;TOKEN=abc run", "sh\0-c\0cd /x;TOKEN=******** run");
	check("docker\0run\0--env=MYSQL_PWD=a b", "docker\0run\0--env=MYSQL_PWD=********");
	check("c --data='token=a b' d", "c --data='token=********' d");
	check("c -H\"X-Token: a b\" d", "c -H\"X-Token: ********\" d");
	check("c\0--jwts,--jwt=a", "c\0--jwts,--jwt=********");
	check("c x;--token abc d", "c x;--token ******** d");
	check("c\0x;--token\0abc", "c\0x;--token\0********");
	check("c\0x,token:\0abc", "c\0x,token:\0********");
	check("c x,token = abc d", "c x,token = ******** d");
	check_same("c\0x,token=\0d");
	/* is the quote one that ends, or one that begins? rather too much */
	check("c -m it's,password='p,q' d", "c -m it's,password=********");
	check("c x,token=\\\"a b c", "c x,token=********");
	check("c \"say \\\"?token=a b\" d", "c \"say \\\"?token=********\" d");
	/* the whole string, and so the whole value */
	check("c\0x,token = a b", "c\0x,token = ********");
	/* JSON, as it is and in a string of a shell's */
	check("c\0{\"u\":\"x\",\"password\":\"a,b\",\"z\":1}",
	      "c\0{\"u\":\"x\",\"password\":********,\"z\":1}");
	check("c\0{\"u\": \"it's\", \"password\": \"a, b\"}",
	      "c\0{\"u\": \"it's\", \"password\": ********");
	check("c -d \"{\\\"u\\\":\\\"x\\\",\\\"password\\\":\\\"a,b\\\"}\" -o f",
	      "c -d \"{\\\"u\\\":\\\"x\\\",\\\"password\\\":********\" -o f");
	check("c -d \"{'u':'x','password':'a,b','z':1}\" f",
	      "c -d \"{'u':'x','password':********,'z':1}\" f");
	/* a path, a variable, or no pair */
	check_same("docker -v /etc/passwd:/etc/passwd:ro");
	check_same("docker --mount=src=/run/secret,dst=/run/token");
	check_same("c x=$TOKEN:y ${TOKEN:-z} my$TOKEN=x");
	check_same("c http://h/secret?x=1&y=token");
	check_same("scp host:passwd x,token,y (secret) z");
	check_same("c passwd;ls x");
}

static void test_separators_of_languages(void **state)
{
	(void)state;
	check("c password := abc d", "c password := ******** d");
	check("c 'password' => 'a b' d", "c 'password' => ******** d");
	check("c password == abc", "c password == ********");
	check("c\0password:=abc d", "c\0password:=********");
	check("c\0password\0:=\0abc\0d", "c\0password\0:=\0********\0d");
	check("c\0password = a b c", "c\0password = ********");
	check("c\0password =\0abc", "c\0password =\0********");
}

static void test_environment_entries(void **state)
{
	struct buf out = { 0 };
	str_t want;

	(void)state;
	/* a name alone has no value, and none of the strings is a program */
	scrub_env(scrub_default(),
		  LIST("passwd x\0TOKEN\0HOME=/root\0PASSWORD=a b\0U=http://h/?token=abc&x\0"
		       "--secret\0A=1"),
		  &out);
	want = LIST("passwd ********\0TOKEN\0HOME=/root\0PASSWORD=********\0"
		    "U=http://h/?token=********&x\0--secret\0A=1");
	assert_int_equal(out.len, want.len);
	assert_memory_equal(out.data, want.bytes, want.len);
	buf_free(&out);
}

static struct scrubber *with_words(const char *const *words)
{
	struct scrubber *s = scrub_new();
	struct tsr_error err;

	for (; *words; words++) {
		if (scrub_add_word(s, *words, &err)) {
			print_error("%s\n", err.message);
			abort();
		}
	}
	return s;
}

static void test_user_words(void **state)
{
	static const char *const words[] = { "Pin",  "sess*", "*phrase",  "*BEARER*", "-k",
					     "--au", "x",     "\xc3\xa4", NULL };
	struct scrubber *s = with_words(words);

	(void)state;
	check_by(s, "c --pin 12 d", "c --pin ******** d");
	check_by(s, "c\0PIN=12\0d", "c\0PIN=********\0d");
	check_by(s, "c\0a=b,pin=12,d", "c\0a=b,pin=********,d");
	check_by(s, "c\0\"pin\": 12", "c\0\"pin\": ********");
	check_by(s, "c\0{\"pin\":12}", "c\0{\"pin\":********");
	check_by(s, "c --session-id=1 d", "c --session-id=******** d");
	check_by(s, "c --passphrase 1 d", "c --passphrase ******** d");
	check_by(s, "c --x-bearer-y 1 d", "c --x-bearer-y ******** d");
	check_by(s, "c\0-k\0v\0d", "c\0-k\0********\0d");
	check_by(s, "c\0--au\0v\0d", "c\0--au\0********\0d");
	check_by(s, "c\0-x\0v\0d", "c\0-x\0********\0d");
	check_by(s, "c\0\xc3\xa4=v", "c\0\xc3\xa4=********");
	/* the default ones stay */
	check_by(s, "c\0--token\0v\0--jwt\0v", "c\0--token\0********\0--jwt\0********");
	check_by(s, "c --pins 12 d --pi n --spin 1", "c --pins 12 d --pi n --spin 1");
	check_by(s, "c --obsess 1 --phrases 1", "c --obsess 1 --phrases 1");
	check_by(s, "c --k v --au-x v -au v k=v", "c --k v --au-x v -au v k=v");
	check_by(s, "c -xx v -yx v", "c -xx v -yx v");
	/* and others do not know the new ones */
	check_same("c --pin 12 -k v -x v");
	scrub_free(s);
}

/* A word of one letter is found where the bytes end. */
static void test_suspect_at_the_end(void **state)
{
	static const char *const words[] = { "q", NULL };
	struct scrubber *s = with_words(words);

	(void)state;
	assert_true(scrub_suspect(s, (str_t){ "abq", 3 }));
	assert_true(scrub_suspect(s, (str_t){ "Qab", 3 }));
	assert_false(scrub_suspect(s, (str_t){ "abq", 2 }));
	assert_false(scrub_suspect(s, (str_t){ NULL, 0 }));
	scrub_free(s);
}

static void refuses_word(const char *word, const char *why)
{
	struct scrubber *s = scrub_new();
	struct tsr_error err = { 0 };

	assert_int_equal(scrub_add_word(s, word, &err), TSR_ERR_USAGE);
	if (!strstr(err.message, why) || !strstr(err.message, "scrub-word"))
		fail_msg("'%s': \"%s\" has no \"%s\"", word, err.message, why);
	scrub_free(s);
}

static void test_wrong_words(void **state)
{
	struct scrubber *s = scrub_new();
	struct tsr_error err;
	char word[80] = { 0 };
	int n = 12;

	(void)state;
	refuses_word("", "empty");
	refuses_word("*", "empty");
	refuses_word("**", "empty");
	refuses_word("--", "empty");
	refuses_word("--*", "empty");
	refuses_word("a*b", "'*' can't be inside");
	refuses_word("**a", "'*' can't be inside");
	refuses_word("a b", "' ' can't be in a key");
	refuses_word("a=", "'=' can't be in a key");
	refuses_word("a:b", "':'");
	refuses_word("/a", "'/'");
	refuses_word("\"a\"", "'\"'");
	memset(word, 'a', sizeof(word) - 1);
	refuses_word(word, "longer than 64");
	word[64] = '\0';
	assert_int_equal(scrub_add_word(s, word, &err), TSR_OK);
	for (n = 13; n < SCRUB_WORDS_MAX; n++)
		assert_int_equal(scrub_add_word(s, "again", NULL), TSR_OK);
	assert_int_equal(scrub_add_word(s, "again", &err), TSR_ERR_USAGE);
	assert_non_null(strstr(err.message, "256"));
	scrub_free(s);
}

static struct scrubber *with_regexes(const char *const *regexes)
{
	struct scrubber *s = scrub_new();
	struct tsr_error err;

	for (; *regexes; regexes++) {
		if (scrub_add_regex(s, *regexes, &err)) {
			print_error("%s\n", err.message);
			abort();
		}
	}
	return s;
}

static void test_regexes(void **state)
{
	static const char *const regexes[] = { "a[a-z]*c", "[0-9]{4}", "(?<=--x )\\S+", "q*",
					       NULL };
	struct scrubber *s = with_regexes(regexes);

	(void)state;
	check_regex(s, "cmd\0axyzc\0b", "cmd\0*****\0b");
	check_regex(s, "1-abc-ac 2", "1-*****-***** 2");
	/* each string by itself, argv[0] as well */
	check_regex(s, "abc\0a\0c", "*****\0a\0c");
	check_regex(s, "c 12345678 --x y", "c ********** --x *****");
	/* nothing is no match */
	check_regex(s, "zqqz\0", "z*****z\0");
	/* two that meet are one */
	check_regex(s, "c a1234c xa1234", "c a*****c xa*****");
	check_regex(s, "c --x abc", "c --x *****");
	/* what a word masks stays masked, whatever is made of its key */
	check_regex(s, "c\0--token\0a1234c", "c\0--token\0********");
	check_regex(s, "c --access_token abc d", "c --*****ess_token ******** d");
	check_regex(s, "c --token=1234 d abc", "c --token=******** d *****");
	check_regex(s, "", "");
	assert_true(scrub_suspect(s, LIST("nothing")));
	assert_int_equal(scrub_limit_hits(s), 0);
	scrub_free(s);
}

/* Matches that reach from a key into its value, or over several. */
static void test_regex_over_words(void **state)
{
	static const char *const over[] = { "token [a-z]+ end", NULL };
	static const char *const key[] = { "tok[a-z]*", NULL };
	static const char *const two[] = { "bcd", "abc", "x", NULL };
	struct scrubber *s = with_regexes(over), *k = with_regexes(key), *t = with_regexes(two);

	(void)state;
	check_regex(s, "c --token abc end d", "c --************* d");
	check_regex(s, "c --token abc x d", "c --token ******** x d");
	check_regex(k, "c --token abc token=x d", "c --***** ******** *****=******** d");
	check_regex(k, "c\0--token\0abc", "c\0--*****\0********");
	check_regex(t, "c 1abcd2 xx", "c 1*****2 **********");
	scrub_free(t);
	scrub_free(s);
	scrub_free(k);
}

/* Any bytes: no UTF-8 is expected of them, unless the expression does. */
static void test_regex_bytes(void **state)
{
	static const char *const bytes[] = { "\xc3.", "[\x80-\x8f]x", NULL };
	static const char *const utf[] = { "(*UTF)\xc3\xa4+", NULL };
	struct scrubber *s = with_regexes(bytes), *u = with_regexes(utf);

	(void)state;
	check_regex(s, "a\xc3\xff b\x85x", "a***** b*****");
	check_regex(u, "a\xc3\xa4\xc3\xa4z", "a*****z");
	/* what it can't read might hold one */
	check_regex(u, "a\xff\0b", "*****\0b");
	assert_true(scrub_limit_hits(u) > 0);
	scrub_free(s);
	scrub_free(u);
}

static void refuses_regex(const char *regex, const char *why)
{
	struct scrubber *s = scrub_new();
	struct tsr_error err = { 0 };

	assert_int_equal(scrub_add_regex(s, regex, &err), TSR_ERR_USAGE);
	if (!strstr(err.message, why) || !strstr(err.message, "scrub-regex"))
		fail_msg("'%s': \"%s\" has no \"%s\"", regex, err.message, why);
	scrub_free(s);
}

static void test_wrong_regexes(void **state)
{
	struct scrubber *s = scrub_new();
	struct tsr_error err;
	char *large = malloc(5000);

	(void)state;
	refuses_regex("", "empty");
	refuses_regex("a(b", "missing closing parenthesis, at byte 3");
	refuses_regex("ab[", "for character class, at byte 3");
	refuses_regex("a**+?{", "quantifier");
	memset(large, 'a', 4999);
	large[4999] = '\0';
	refuses_regex(large, "longer than 4096");
	free(large);
	for (int n = 0; n < SCRUB_REGEXES_MAX; n++)
		assert_int_equal(scrub_add_regex(s, "a", NULL), TSR_OK);
	assert_int_equal(scrub_add_regex(s, "a", &err), TSR_ERR_USAGE);
	assert_non_null(strstr(err.message, "64"));
	scrub_free(s);
}

static char *repeated(const char *unit, size_t n, const char *end)
{
	size_t len = strlen(unit);
	char *s = malloc(n * len + strlen(end) + 1);

	for (size_t i = 0; i < n; i++)
		memcpy(s + i * len, unit, len);
	strcpy(s + n * len, end);
	return s;
}

/* What would take for ever masks the string that it was tried on, and is counted. */
static void test_regex_limits(void **state)
{
	static const char *const evil[] = { "(a+)+b=", "(*NO_JIT)(a+)+b=", ".*.*.*x=",
					    "(?:[a-z]*[a-z]*)*\\d=" };
	char *text = repeated("a", 100000, "=b0");

	(void)state;
	for (size_t i = 0; i < sizeof(evil) / sizeof(evil[0]); i++) {
		struct scrubber *s = with_regexes((const char *const[]){ evil[i], NULL });
		struct buf in = { 0 }, out = { 0 };
		static const char want[] = "sh\0*****\0plain\0--token\0********";

		buf_add(&in, "sh", 3);
		buf_add(&in, text, strlen(text) + 1);
		buf_add(&in, "plain\0--token\0secret", 21);
		scrub_list(s, (str_t){ in.data, in.len }, &out);
		if (out.len != sizeof(want) || memcmp(out.data, want, sizeof(want)))
			fail_msg("%s: %.100s", evil[i], readable(out.data, out.len));
		assert_int_equal(scrub_limit_hits(s), 1);
		buf_free(&in);
		buf_free(&out);
		scrub_free(s);
	}
	free(text);
}

/* Many strings, none of which takes long: all of them together are bounded. */
static void test_regex_limit_of_a_list(void **state)
{
	static const char *const evil[] = { "(a+)+b=", NULL };
	static const char one[] = "aaaaaaaaaaaa=b";
	struct scrubber *s = with_regexes(evil);
	struct buf in = { 0 }, out = { 0 };

	(void)state;
	for (int i = 0; i < 1000; i++)
		buf_add(&in, one, sizeof(one));
	scrub_list(s, (str_t){ in.data, in.len }, &out);
	assert_in_range(scrub_limit_hits(s), 500, 990);
	assert_memory_equal(out.data, one, sizeof(one));
	assert_memory_equal(out.data + out.len - 2 * sizeof(REGEX_MASK), REGEX_MASK "\0" REGEX_MASK,
			    2 * sizeof(REGEX_MASK));
	/* the next list is not to suffer from it */
	check_regex(s, "c aab= aaaaaaaaaaaa=b", "c ***** aaaaaaaaaaaa=b");
	buf_free(&in);
	buf_free(&out);
	scrub_free(s);
}

/* With the JIT and without it. */
static void test_regex_interpreter(void **state)
{
	static const char *const regexes[] = { "a[a-z]*c", "(a|b)+x", "x(?=y)", "\\bsh\\b" };
	struct maker m = { .seed = 3, .user = true };

	(void)state;
	for (size_t i = 0; i < sizeof(regexes) / sizeof(regexes[0]); i++) {
		struct scrubber *a = scrub_new(), *b = scrub_new();
		struct buf out = { 0 }, plain = { 0 };
		char slow[64];

		snprintf(slow, sizeof(slow), "(*NO_JIT)%s", regexes[i]);
		assert_int_equal(scrub_add_regex(a, regexes[i], NULL), TSR_OK);
		assert_int_equal(scrub_add_regex(b, slow, NULL), TSR_OK);
		for (int round = 0; round < 500; round++) {
			make_command(&m);
			out.len = plain.len = 0;
			scrub_list(a, (str_t){ m.in.data, m.in.len }, &out);
			scrub_list(b, (str_t){ m.in.data, m.in.len }, &plain);
			assert_int_equal(out.len, plain.len);
			assert_memory_equal(out.data, plain.data, out.len);
		}
		buf_free(&out);
		buf_free(&plain);
		scrub_free(a);
		scrub_free(b);
	}
	maker_free(&m);
}

/* Long strings of what makes a naive reader look at the rest again and again. */
static void test_no_square_time(void **state)
{
	static const char *const units[] = { "'\\'' ", "a=",	   "token=",	"\"",
					     "'",      "x;\"\\\"", ",token=' ", "? ",
					     "--a ",   "\\\"",	   "&token:",	"{\"" };

	(void)state;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		char *text = repeated(units[i], 400000, " token");
		struct buf out = { 0 };

		scrub_list(scrub_default(), (str_t){ text, strlen(text) + 1 }, &out);
		assert_true(out.len > 0);
		buf_free(&out);
		free(text);
	}
}

static void check_commands(const struct scrubber *s, bool user, bool regex)
{
	struct maker m = { .seed = 20261121, .user = user };

	for (int round = 0; round < 20000; round++) {
		make_command(&m);
		/* which also says that what is none is left as it is */
		check_with(s, !regex, __FILE__, __LINE__, (str_t){ m.in.data, m.in.len },
			   (str_t){ m.want.data, m.want.len });
		assert_null(memchr(m.want.data, '#', m.want.len));
	}
	maker_free(&m);
}

static void test_no_secret_gets_through(void **state)
{
	struct scrubber *s = scrub_new();

	(void)state;
	check_commands(scrub_default(), false, false);
	user_rules(s);
	user_regex(s);
	check_commands(s, true, true);
	scrub_free(s);
}

static void scrub_any(const struct scrubber *s, struct maker *m)
{
	static const char *const parts[] = { "token", "--", "-", "=",	":",	" ",  "\"",  "'",
					     "\\",    "/",  "$", "a",	"\xff", "\n", "jwt", "?",
					     "&",     ",",  ";", "pin", "{",	"}",  "k",   ">" };
	struct buf out = { 0 };

	m->in.len = 0;
	for (uint32_t n = roll(m, 24); n; n--) {
		if (roll(m, 6) == 0)
			buf_char(&m->in, '\0');
		else
			buf_str(&m->in, PICK(m, parts));
	}
	buf_char(&m->in, '\0');
	scrub_list(s, (str_t){ m->in.data, m->in.len }, &out);
	/* at worst each pair of a key's end and a one-byte value becomes a mask */
	assert_true(out.len <= m->in.len * 8);
	check_with(s, true, __FILE__, __LINE__, (str_t){ m->in.data, m->in.len },
		   (str_t){ out.data, out.len });
	buf_free(&out);
}

/* Any bytes at all: bounded, the same when scrubbed again, and nothing not suspect changes. */
static void test_any_bytes(void **state)
{
	struct scrubber *s = scrub_new();
	struct maker m = { .seed = 7 };

	(void)state;
	user_rules(s);
	for (int round = 0; round < 50000; round++)
		scrub_any(round % 2 ? s : scrub_default(), &m);
	maker_free(&m);
	scrub_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scenario),
		cmocka_unit_test(test_every_word),
		cmocka_unit_test(test_jwt),
		cmocka_unit_test(test_separators),
		cmocka_unit_test(test_case),
		cmocka_unit_test(test_quotes),
		cmocka_unit_test(test_strings_of_their_own),
		cmocka_unit_test(test_key_as_value),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_not_a_key),
		cmocka_unit_test(test_no_nul_at_the_end),
		cmocka_unit_test(test_appends),
		cmocka_unit_test(test_inside_a_word),
		cmocka_unit_test(test_separators_of_languages),
		cmocka_unit_test(test_environment_entries),
		cmocka_unit_test(test_user_words),
		cmocka_unit_test(test_suspect_at_the_end),
		cmocka_unit_test(test_wrong_words),
		cmocka_unit_test(test_regexes),
		cmocka_unit_test(test_regex_over_words),
		cmocka_unit_test(test_regex_bytes),
		cmocka_unit_test(test_wrong_regexes),
		cmocka_unit_test(test_regex_limits),
		cmocka_unit_test(test_regex_limit_of_a_list),
		cmocka_unit_test(test_regex_interpreter),
		cmocka_unit_test(test_no_square_time),
		cmocka_unit_test(test_no_secret_gets_through),
		cmocka_unit_test(test_any_bytes),
	};

	return cmocka_run_group_tests_name("scrub", tests, NULL, NULL);
}
