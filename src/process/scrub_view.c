/* SPDX-License-Identifier: Apache-2.0 */
#include "process/scrub_view.h"

#define MASK	  "********"
#define SPAN_MASK "*****"

struct view {
	const struct scrub_words *words;
	const char *s;
	size_t len;
	struct buf *out;
	/* Of what was kept so far, as a shell reads it: the quote that is open, or 0. */
	char quote;
	bool escaped;
	const struct scrub_span *span, *spans_end;
	bool span_shown; /* the mask of *span stands already */
};

static bool is_separator(char c)
{
	return c == '=' || c == ':';
}

static bool is_quote(char c)
{
	return c == '"' || c == '\'';
}

/* A character that is not only itself to a shell. */
static bool is_escape(char c)
{
	return is_quote(c) || c == '\\';
}

/* "=", ":", and what some languages have: ":=", "=>", "==" */
static size_t separator_len(const char *s, size_t left)
{
	if (!left || !is_separator(*s))
		return 0;
	return left > 1 && (is_separator(s[1]) || s[1] == '>') ? 2 : 1;
}

/* To behind the quote that ends it. */
static size_t quoted_len(const char *s, size_t left, char quote)
{
	for (size_t n = 0; n < left; n++) {
		if (s[n] == quote)
			return n + 1;
		if (s[n] == '\\' && quote == '"')
			n++;
	}
	return left; /* no end in sight: rather too much than too little */
}

/* To the next blank, as a shell reads it. */
static size_t word_len(const char *s, size_t left)
{
	size_t n = 0;

	while (n < left && !scrub_is_blank(s[n])) {
		char c = s[n++];

		if (is_quote(c))
			n += quoted_len(s + n, left - n, c);
		else if (c == '\\')
			n++;
	}
	return n < left ? n : left;
}

static void follow_quotes(struct view *v, char c)
{
	if (v->escaped)
		v->escaped = false;
	else if (c == '\\')
		v->escaped = v->quote != '\'';
	else if (!v->quote)
		v->quote = is_quote(c) ? c : 0;
	else if (c == v->quote)
		v->quote = 0;
}

/* Appends these bytes of the string, but for the spans in them. */
static void keep(struct view *v, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		if (v->escaped || is_escape(v->s[i]))
			follow_quotes(v, v->s[i]);
	while (from < to) {
		if (v->span == v->spans_end || v->span->from >= to) {
			buf_add(v->out, v->s + from, to - from);
			return;
		}
		if (v->span->to <= from) {
			v->span++;
			v->span_shown = false;
			continue;
		}
		if (v->span->from > from)
			buf_add(v->out, v->s + from, v->span->from - from);
		if (!v->span_shown)
			buf_lit(v->out, SPAN_MASK);
		v->span_shown = true;
		from = v->span->to < to ? v->span->to : to;
	}
}

static void mask(struct view *v)
{
	buf_lit(v->out, MASK);
}

struct key {
	size_t value; /* where its value begins, the end if there is none */
	char quote;   /* that was opened before the key and is still open, or 0 */
	bool dashed;
	bool separated; /* by '=' or ':', with blanks around it or not */
	bool empty;	/* NAME= and nothing more: the next string is not its value */
};

/* From the end of a key on: where its value begins. False: what comes does not end a key. */
static bool find_value(const char *s, size_t len, size_t end, struct key *k)
{
	size_t at = end, n;

	while (at < len && scrub_is_blank(s[at]))
		at++;
	n = separator_len(s + at, len - at);
	if (!n && at == end && at < len)
		return false;
	k->separated = n;
	k->empty = n && at == end && s[at] == '=';
	for (at += n; at < len && scrub_is_blank(s[at]);)
		at++;
	k->empty &= at == len;
	k->value = at;
	return true;
}

/* A key at the beginning of a word. */
static bool parse_key(const struct scrub_words *words, const char *s, size_t len, struct key *k)
{
	char quote = is_quote(*s) ? *s : 0;
	size_t at = quote ? 1 : 0, dashes = 0, begin;

	while (dashes < 2 && at < len && s[at] == '-') {
		dashes++;
		at++;
	}
	begin = at;
	while (at < len && scrub_is_key_char(s[at]))
		at++;
	if (!scrub_words_name(words, s + begin, at - begin, dashes))
		return false;
	if (quote && at < len && s[at] == quote) {
		quote = 0;
		at++;
	}
	*k = (struct key){ .quote = quote, .dashed = dashes };
	return find_value(s, len, at, k);
}

/* "--password --token abc": be --token a value or a key, abc must not show. */
static bool asks_for_value(const struct view *v, size_t from, size_t to)
{
	struct key k;

	return from < to && v->s[from] == '-' && parse_key(v->words, v->s + from, to - from, &k) &&
	       k.value == to - from && !k.empty;
}

/* Masks the word that is a value; where it ends. */
static size_t pending_word(struct view *v, size_t at, bool *pending)
{
	size_t n = word_len(v->s + at, v->len - at);

	if (n == separator_len(v->s + at, v->len - at)) { /* "key = value" */
		keep(v, at, at + n);
		return at + n;
	}
	*pending = asks_for_value(v, at, at + n);
	mask(v);
	return at + n;
}

/* Shows the key and masks what can be told of its value; where to go on. */
static size_t first_key(struct view *v, size_t at, const struct key *k, bool *pending)
{
	size_t value = at + k->value, end;

	keep(v, at, value);
	if (value == v->len) {
		*pending = !k->empty;
		return value;
	}
	if (!at && k->separated) {
		/* a NAME=value of its own, blanks or not */
		mask(v);
		return v->len;
	}
	if (!k->quote) {
		*pending = true;
		return value;
	}
	end = value + quoted_len(v->s + value, v->len - value, k->quote);
	mask(v);
	if (v->s[end - 1] == k->quote)
		keep(v, end - 1, end);
	return end + word_len(v->s + end, v->len - end);
}

/* A key inside a word. */
struct inner {
	size_t begin; /* of the word, or behind the last value */
	char stop;    /* ends the value, or 0 */
	bool dashed;
};

/* Whether what ends before `end`, quotes around it or not, is a key, and how its value ends. */
static bool find_inner(const struct view *v, size_t end, struct inner *k)
{
	const char *s = v->s;
	size_t begin, open, dashes = 0;

	while (end > k->begin && is_escape(s[end - 1]))
		end--;
	for (begin = end; begin > k->begin && scrub_is_key_char(s[begin - 1]);)
		begin--;
	/* where the word begins parse_key() has looked already */
	if (begin == k->begin)
		return false;
	for (open = begin - 1; open > k->begin && is_escape(s[open]);)
		open--;
	if (s[open] == '/' || s[open] == '$' ||
	    (s[open] == '{' && open > k->begin && s[open - 1] == '$'))
		return false;
	while (dashes < 2 && begin < end && s[begin] == '-') {
		dashes++;
		begin++;
	}
	k->stop = s[open] == '?' || s[open] == '&' ? '&' : 0;
	if (s[open] == ';' || s[open] == ',')
		k->stop = s[open];
	k->dashed = dashes;
	return scrub_words_name(v->words, s + begin, end - begin, dashes);
}

/* What belongs together at s: a quoted string, also "\"one\"" in another; else a byte. */
static size_t piece_len(const char *s, size_t left)
{
	if (is_quote(*s))
		return 1 + quoted_len(s + 1, left - 1, *s);
	if (*s != '\\' || left == 1)
		return 1;
	if (is_quote(s[1]))
		for (size_t n = 2; n + 1 < left; n++)
			if (s[n] == '\\' && s[n + 1] == s[1])
				return n + 2;
	return is_quote(s[1]) ? left : 2;
}

/*
 * Where the value at `at` ends; whole: blanks do not end it. If that closes the quote in which the
 * key stands, *closed is where, else the end of the string.
 */
static size_t inner_value(const struct view *v, size_t at, char stop, bool whole, size_t *closed)
{
	/* A quote here opens one, whatever was open: not sure, but else the value would show. */
	size_t n = is_escape(v->s[at]) ? piece_len(v->s + at, v->len - at) : 0;
	char quote = v->quote;

	*closed = v->len;
	for (at += n; at < v->len; at += n) {
		char c = v->s[at];

		if ((stop && c == stop) || (!quote && !whole && scrub_is_blank(c)))
			break;
		n = 1;
		if (quote && c == quote) {
			quote = 0;
			*closed = at;
			continue;
		}
		n = piece_len(v->s + at, v->len - at);
	}
	return at;
}

/* Shows the key, all before which was shown, and masks its value; where to go on. */
static size_t inner_key(struct view *v, size_t end, const struct inner *i, const struct key *k,
			bool whole, bool *pending)
{
	size_t closed;

	keep(v, end, k->value);
	if (k->value == v->len) {
		*pending = !k->empty;
		return k->value;
	}
	if (i->stop && v->s[k->value] == i->stop)
		return k->value;
	if (scrub_is_blank(v->s[k->value - 1]) && !whole && !v->quote) {
		*pending = true; /* it is the next word */
		return k->value;
	}
	end = inner_value(v, k->value, i->stop, whole, &closed);
	mask(v);
	if (closed < v->len)
		keep(v, closed, closed + 1);
	return end;
}

/* A word that is no key as a whole; where to go on. */
static size_t inner_keys(struct view *v, size_t at, bool *pending)
{
	struct inner i = { .begin = at };
	bool whole = !at;
	size_t kept = at;
	struct key k;

	while (!*pending) {
		bool last = at == v->len || scrub_is_blank(v->s[at]);

		/* without '=' or ':' only dashes tell a key */
		if ((last || is_separator(v->s[at])) && find_inner(v, at, &i) &&
		    find_value(v->s, v->len, at, &k) && (k.separated || i.dashed)) {
			keep(v, kept, at);
			at = i.begin = kept = inner_key(v, at, &i, &k, whole, pending);
		} else if (last) {
			break;
		} else {
			at++;
		}
	}
	keep(v, kept, at);
	return at;
}

static size_t word(struct view *v, size_t at, bool argv0, bool *pending)
{
	struct key k;

	if (parse_key(v->words, v->s + at, v->len - at, &k) && (k.dashed || k.separated || !argv0))
		return first_key(v, at, &k, pending);
	return inner_keys(v, at, pending);
}

bool scrub_string_view(const struct scrub_string *string, struct buf *out)
{
	struct view v = {
		.words = string->words,
		.s = string->s,
		.len = string->len,
		.out = out,
		.span = string->spans,
		.spans_end = string->n_spans ? string->spans + string->n_spans : string->spans,
	};
	bool pending = string->pending;
	size_t at = 0;

	if (!v.words) {
		keep(&v, 0, v.len);
		return false;
	}
	if (pending && (!v.len || v.len != separator_len(v.s, v.len))) {
		/* a string of its own is a value as a whole, blanks or not */
		if (v.len)
			mask(&v);
		return asks_for_value(&v, 0, v.len);
	}
	while (at < v.len) {
		if (scrub_is_blank(v.s[at])) {
			keep(&v, at, at + 1);
			at++;
		} else if (pending) {
			at = pending_word(&v, at, &pending);
		} else {
			at = word(&v, at, string->argv0 && !at, &pending);
		}
	}
	return pending;
}
