"""Sinks that refuse for a while, for ever, or are not there: each harms only itself."""

import json
import socket

from bench import Bench, lead, until
from servers import MailServer

LEAD = lead("444000000000001")
RETRY = "retry: {for: 3d, first: 100ms, most: 300ms}"


class SickSinks(Bench):
    def use(self, mail=True, **sinks):
        """Starts a service that sends every lead to all the sinks, and sends it one lead."""
        self.configure(sinks=sinks, routes=f"""\
routes:
  - id: all
    always: true
    to: [{", ".join(name for name in sinks if not name.startswith("fallback"))}]
default: {{hold: nobody wants it}}
""")
        if mail:
            self.start_mail()
        self.graph.add(LEAD)
        self.serve()
        self.assertEqual(self.announce(LEAD)[0], 200)

    def start_mail(self):
        self.mail.start()
        self.addCleanup(self.mail.close)

    def ended(self, sink, state="delivered"):
        """The sink's delivery, when it is in that state."""
        found = self.wait_for_deliveries(1, state, more=("--sink", sink))
        self.assertEqual(len(found), 1)
        return found[0]

    def attempts(self, delivery):
        """The outcomes of the attempts that `deliveries show` prints."""
        out, _ = self.run_program("deliveries", "show", delivery["delivery_id"])
        table = out.split("ATTEMPT", 1)[1].splitlines()[1:]
        return [line.split()[4] for line in table if line]

    def test_a_mail_refused_for_now_is_sent_again_with_the_same_message_id(self):
        self.mail.refusals["a@example.com"] = ["450 4.2.0 greylisted", "451 4.3.0 again"]
        self.use(sick=self.smtp("a@example.com"), well=self.smtp("b@example.com"))
        one = self.ended("sick")
        self.assertEqual(one["attempts"], 3)
        ids = [id for to, id in self.mail.attempts if to == "a@example.com"]
        self.assertEqual(len(ids), 3)
        self.assertEqual(len(set(ids)), 1)
        self.assertEqual(len(self.mail.to("a@example.com")), 1)
        self.assertEqual(self.mail.to("a@example.com")[0].key, one["delivery_id"])
        self.assertEqual(self.attempts(one)[-1], "delivered")
        self.assertEqual(len(self.attempts(one)), 3)
        self.assertEqual(self.ended("well")["attempts"], 1)

    def test_a_mail_refused_for_good_is_dead_and_goes_to_on_failure(self):
        self.mail.refusals["a@example.com"] = ["550 5.1.1 no such user"]
        self.use(
            sick=self.smtp("a@example.com", ", on_failure: [fallback]"),
            fallback=self.smtp("b@example.com"))
        dead = self.ended("sick", "dead")
        self.assertEqual(dead["attempts"], 1)
        fallback = self.ended("fallback")
        self.assertNotEqual(fallback["delivery_id"], dead["delivery_id"])
        [mail] = self.mail.to("b@example.com")
        self.assertEqual((mail.lead, mail.key), (LEAD["id"], fallback["delivery_id"]))
        self.assertEqual(self.mail.to("a@example.com"), [])

    def test_a_recipient_that_renders_empty_is_dead_and_goes_to_on_failure(self):
        self.use(
            sick=self.smtp("{{nobody}}", ", on_failure: [fallback]"),
            fallback=self.smtp("b@example.com"))
        self.assertTrue(self.ended("sick", "dead")["detail"])
        self.ended("fallback")
        self.assertEqual([to for to, _ in self.mail.attempts], ["b@example.com"])

    def test_a_post_that_failed_is_sent_again_with_the_same_key(self):
        self.crm.answers["/sick"] = [500, 503, 429, 408]
        self.use(mail=False, sick=self.http(self.crm.url + "/sick"))
        one = self.ended("sick")
        posts = self.crm.at("/sick")
        self.assertEqual((one["attempts"], len(posts)), (5, 5))
        self.assertEqual({post.key for post in posts}, {one["delivery_id"]})
        self.assertEqual({post.headers["webhook-id"] for post in posts}, {one["delivery_id"]})
        self.assertEqual(len({post.body for post in posts}), 1)

    def test_a_post_refused_for_good_is_dead_at_once(self):
        self.crm.answers["/sick"] = [422]
        self.crm.answers["/moved"] = [302]
        self.use(
            mail=False, sick=self.http(self.crm.url + "/sick", ", on_failure: [fallback]"),
            moved=self.http(self.crm.url + "/moved"),
            fallback=self.http(self.crm.url + "/fallback"))
        self.assertEqual(self.ended("sick", "dead")["attempts"], 1)
        self.assertEqual(self.ended("moved", "dead")["attempts"], 1)
        self.ended("fallback")
        self.assertEqual(len(self.crm.at("/sick")), 1)
        self.assertEqual(json.loads(self.crm.at("/fallback")[0].body)["id"], LEAD["id"])

    def test_not_found_is_believed_the_third_time(self):
        self.crm.answers["/sick"] = [404, 409, 404]
        self.use(mail=False, sick=self.http(self.crm.url + "/sick"))
        dead = self.ended("sick", "dead")
        self.assertEqual(dead["attempts"], 3)
        self.assertEqual(self.attempts(dead), ["retry", "retry", "dead"])

    def test_refused_credentials_halt_the_sink_and_spend_no_attempt(self):
        self.crm.answers["/sick"] = [401]
        self.mail = MailServer(self.mail_port, ("leads", "another password"))
        self.use(
            sick=self.http(self.crm.url + "/sick"), mailbox=self.smtp("a@example.com"),
            well=self.http(self.crm.url + "/well"))
        self.ended("well")
        for name in ("sick", "mailbox"):
            with self.subTest(name):
                until(
                    lambda: any("sink halted" in line and f"sink={name}" in line
                                for line in self.service.log.splitlines()),
                    f"{name} is halted")
                one = self.ended(name, "pending")
                self.assertEqual(one["attempts"], 0)
        later = lead("444000000000002")
        self.graph.add(later)
        self.announce(later)
        self.wait_for_deliveries(2, more=("--sink", "well"))
        self.assertEqual(len(self.crm.at("/sick")), 1, "a halted sink is left alone")
        self.assertEqual(len(self.deliveries("--sink", "sick", "--state", "pending")), 2)
        # After its rest the sink is asked again, and now it is well: nothing was lost.
        self.wait_for_deliveries(2, seconds=60, more=("--sink", "sick"))
        self.assertEqual({post.key for post in self.crm.at("/sick")}, {
            one["delivery_id"] for one in self.deliveries("--sink", "sick")})

    def test_a_mail_server_that_comes_late_gets_the_mail(self):
        self.use(mail=False, late=self.smtp("a@example.com"))
        until(lambda: any(one["attempts"] >= 2 for one in self.deliveries()), "two attempts")
        self.assertEqual(self.deliveries()[0]["state"], "pending")
        self.start_mail()
        self.ended("late")
        [mail] = self.mail.mails
        self.assertEqual(mail.lead, LEAD["id"])

    def test_a_sink_without_room_for_files_does_not_stop_the_others(self):
        (self.folder / "out").write_text("a file where a folder should be")
        self.use(
            mail=False, well=self.http(self.crm.url + "/well"),
            sick=f'{{plugin: file, path: "out/x/{{{{lead.id}}}}.ndjson", {RETRY}}}')
        self.ended("well")
        until(lambda: "sick" in self.service.log, "the fault is logged")
        self.assertEqual(self.deliveries("--sink", "sick")[0]["state"], "pending")
        (self.folder / "out").unlink()
        # Whether it retries or rests, the delivery is still there.
        self.assertEqual(len(self.deliveries("--sink", "sick")), 1)

    def use_dealers(self, sick):
        """Every lead goes to its dealer's CRM through one sink; that of dealer 1 is sick."""
        self.configure(
            sinks={"crm": self.http("{{store.crm_url}}", ", timeout: 5s, max_in_flight: 4")},
            routes="routes:\n  - {id: dealers, when: {selected_dealer: {in_table: store}}, "
                   "to: [crm]}\ndefault: {hold: nobody wants it}\n",
            dealers="store_number,crm_url\n" + "".join(
                f"{number},{url}\n" for number, url in
                [(1, sick)] + [(n, f"{self.crm.url}/{n}") for n in range(2, 12)]))
        self.serve()
        leads = [lead(444000000000000 + n, dealer=str(1 if n % 2 else 2 + n // 2 % 10))
                 for n in range(100)]
        self.graph.add(*leads)
        for start in range(0, 100, 20):
            self.announce(*leads[start:start + 20])

    def test_one_address_that_hangs_keeps_its_share_of_the_sink_and_no_more(self):
        with socket.socket() as hung:
            hung.bind(("127.0.0.1", 0))
            hung.listen(128)
            self.use_dealers(f"http://127.0.0.1:{hung.getsockname()[1]}/")
            self.wait_for_deliveries(50)
            self.assertEqual(len(self.crm.posts), 50)
            # In one look: between two, one that waits may come under way.
            sick = [d for d in self.deliveries() if d["state"] in ("pending", "leased")]
            self.assertEqual(len(sick), 50)
            # One at a time: a quarter of four.
            self.assertLessEqual(sum(one["attempts"] > 0 for one in sick), 12)

    def test_one_address_that_is_gone_rests_and_its_deliveries_wait(self):
        with socket.socket() as gone:  # bound and not listening: connections are refused
            gone.bind(("127.0.0.1", 0))
            self.use_dealers(f"http://127.0.0.1:{gone.getsockname()[1]}/")
            self.wait_for_deliveries(50)
            until(lambda: "is left alone" in self.service.log, "the address rests")
            self.assertEqual(self.service.log.count("is left alone"), 1)
            sick = self.deliveries("--state", "pending")
            self.assertEqual(len(sick), 50)
            self.assertLess(sum(one["attempts"] for one in sick), 20)
