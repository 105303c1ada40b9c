import LeadKit
import LeadTesting
import Testing

/// The requests are those that Meta's Python SDK 26.0.3 and facebook-sdk 3.1.0 were seen to send.
@Suite(.enabled(if: Python.isInstalled, "python3 is not installed"), .timeLimit(.minutes(1)))
struct FakeGraphAPITests {
    private static let proof = "606273e59b6fabe3e040bb93c27987b03c6256c678aa24ee6ff7d0791849f217"
    private static let token = "access_token=TOK&appsecret_proof=\(proof)"

    /// Seven leads of one form and one ad, a minute apart; the last one organic.
    private static let ndjson: [UInt8] = Array(
        (0..<7).map { index in
            let ad = index == 6 ? "" : #""ad_id":"120210000000000123","#
            return """
                {"id":"173000000000000\(index)","created_time":"2025-10-09T08:5\(index):20+0000",\(ad)\
                "form_id":"555000000000001","is_organic":\(index == 6),"platform":"fb",\
                "field_data":[{"name":"full_name","values":["Zoë \(index)"]}]}
                """
        }.joined(separator: "\n").utf8)

    /// Sends requests one after the other; prints status and body of each, one a line.
    private static let client = """
        import sys, json, urllib.request, urllib.error
        BASE = sys.argv[1]
        def call(method, target, body=None, headers={}):
            request = urllib.request.Request(BASE + target, method=method, headers=headers,
                                             data=body.encode() if body is not None else None)
            try: r = urllib.request.urlopen(request)
            except urllib.error.HTTPError as e: r = e
            raw = r.read(); assert all(b < 128 for b in raw), raw
            r.json = json.loads(raw); r.raw = raw
            return r
        def show(method, target, body=None, headers={}, of=lambda j: j):
            r = call(method, target, body, headers)
            e = r.json.get("error") if isinstance(r.json, dict) else None
            print(r.status, [e["code"], e.get("error_subcode")] if e else json.dumps(of(r.json)))

        """

    private func run(
        _ script: String, options: FakeGraphAPI.Options = .init(),
        prepare: (FakeGraphAPI) -> Void = { _ in }
    ) async throws -> (lines: [String], calls: [FakeGraphAPI.Call: Int]) {
        let api = FakeGraphAPI(options: options)
        try api.add(ndjson: Self.ndjson)
        try await api.start()
        prepare(api)
        do {
            let output = try await Python.run(
                Self.client + "T = '\(Self.token)'\n" + script, api.url)
            await api.stop()
            return (output.split(separator: "\n").map(String.init), api.calls)
        } catch {
            await api.stop()
            throw error
        }
    }

    private var checked: FakeGraphAPI.Options {
        var options = FakeGraphAPI.Options()
        options.appSecret = "s3cret-app"
        return options
    }

    @Test func `a lead is read with and without version, slash and fields`() async throws {
        let (lines, calls) = try await run(
            """
            of = lambda j: sorted(j)
            show("GET", "/v26.0/1730000000000003/?" + T, of=of)
            show("GET", "/v26.0/1730000000000003/?" + T + "&fields=id%2Cis_organic%2Cplatform", of=of)
            show("GET", "/1730000000000002?access_token=TOK&fields=id")
            show("GET", "/v3.1/1730000000000006?fields=ad_id%2Cform_id&access_token=TOK")
            show("GET", "/v26.0/1730000000000003", "access_token=TOK&fields=id",
                 {"Content-Type": "application/x-www-form-urlencoded"})
            show("GET", "/1730000000000003?fields=id", headers={"Authorization": "Bearer TOK"})
            for v in ["/v26.0", "/v22.0", "/v3.1", "", "/v99.0"]:
                print(call("GET", v + "/1730000000000003?access_token=TOK").headers["facebook-api-version"])
            r = call("GET", "/1730000000000003?access_token=TOK")
            print(rb"Zo\\u00eb" in r.raw, r.json["field_data"][0]["values"])
            """, options: checked)
        let id = #"200 {"id": "1730000000000003"}"#
        #expect(
            lines == [
                #"200 ["ad_id", "created_time", "field_data", "form_id", "id"]"#,
                #"200 ["id", "is_organic", "platform"]"#, #"200 {"id": "1730000000000002"}"#,
                #"200 {"form_id": "555000000000001", "id": "1730000000000006"}"#, id, id, "v26.0",
                "v22.0", "v21.0", "v21.0", "v26.0", "True ['Zoë 3']",
            ])
        #expect(calls == [.lead: 12])
    }

    @Test func `leads are paged newest first`() async throws {
        let (lines, _) = try await run(
            """
            def pages(target):
                while target:
                    r = call("GET", target); j = r.json
                    print(*[l["id"][-1] for l in j["data"]], "next" in j["paging"], sorted(j["paging"]["cursors"]))
                    target = j["paging"].get("next")
                    if target:
                        assert target.startswith(BASE + "/v26.0/"), target
                        assert "access_token=TOK" in target and "appsecret_proof" not in target
                        target = target[len(BASE):]
            pages("/v26.0/555000000000001/leads?" + T + "&limit=3&fields=created_time%2Cid&summary=true")
            show("GET", "/v26.0/555000000000001/leads?" + T + "&limit=3&fields=id&summary=true&after=MTczMDAwMDAwMDAwMDAwNA%3D%3D",
                 of=lambda j: [[l["id"][-1] for l in j["data"]], j["summary"]])
            r = call("GET", "/v3.1/120210000000000123/leads?access_token=TOK").json
            print(len(r["data"]), sorted(r["paging"]))
            """, options: checked)
        let cursors = "['after', 'before']"
        #expect(
            lines == [
                "6 5 4 True \(cursors)", "3 2 1 True \(cursors)", "0 False \(cursors)",
                #"200 [["3", "2", "1"], {"total_count": 7}]"#, "6 ['cursors']",
            ])
    }

    @Test func `an empty page in the middle has a next`() async throws {
        var options = FakeGraphAPI.Options()
        options.formsWithEmptyPages = ["555000000000001"]
        let (lines, _) = try await run(
            """
            after = ""
            while after is not None:
                j = call("GET", "/555000000000001/leads?access_token=TOK&limit=4&after=" + after if after
                         else "/555000000000001/leads?access_token=TOK&limit=4").json
                print(len(j["data"]))
                after = urllib.parse.quote(j["paging"]["cursors"]["after"]) if "next" in j["paging"] else None
            """, options: options)
        #expect(lines == ["4", "0", "3"])
    }

    @Test func `a filter on time_created works, a wrong one is ignored`() async throws {
        let (lines, _) = try await run(
            """
            import urllib.parse
            def count(filtering):
                j = call("GET", "/555000000000001/leads?access_token=TOK&filtering=" + urllib.parse.quote(json.dumps(filtering))).json
                print(len(j["data"]))
            c = lambda field, op, value: {"field": field, "operator": op, "value": value}
            t = 1759999940
            count([c("time_created", "GREATER_THAN", t)])
            count([c("time_created", "GREATER_THAN_OR_EQUAL", str(t))])
            count([c("time_created", "GREATER_THAN_OR_EQUAL", t), c("time_created", "LESS_THAN", t + 60)])
            count([c("created_time", "GREATER_THAN", t)])
            count([c("time_created", "GREATER_THAN", "2025-10-09")])
            show("GET", "/555000000000001/leads?access_token=TOK&filtering=x")
            """)
        #expect(lines == ["4", "5", "1", "7", "7", "400 [100, None]"])
    }

    @Test func `several leads come by ids and in a batch`() async throws {
        let (lines, calls) = try await run(
            """
            import urllib.parse
            show("GET", "/v26.0//?" + T + "&fields=id%2Cform_id&ids=1730000000000001%2C1730000000000002", of=sorted)
            show("GET", "/v3.1/?fields=id&ids=1730000000000001%2C1999&access_token=TOK")
            form = {"Content-Type": "application/x-www-form-urlencoded"}
            def batch(items, more="", target="/v26.0/?" + T):
                return call("POST", target, "batch=" + urllib.parse.quote(json.dumps(items)) + more, form)
            items = [{"method": "GET", "relative_url": "1730000000000001/?fields=id%2Cfield_data"},
                     {"method": "GET", "relative_url": "v26.0/1999/?fields=id%2Cfield_data"},
                     {"method": "GET", "relative_url": "1730000000000002?fields=id&access_token=EXPIRED"}]
            for i in batch(items).json: print(i["code"], "headers" in i, list(json.loads(i["body"]).values())[-1] if i["code"] == 200 else json.loads(i["body"])["error"]["code"])
            r = batch(items[:1], "&include_headers=false&access_token=TOK", "/").json[0]
            print(sorted(r), json.loads(r["body"])["field_data"][0]["values"])
            print(batch(items * 17).json["error"]["type"])
            boundary = 'b--x'
            body = f'--{boundary}\\r\\nContent-Disposition: form-data; name="batch"\\r\\n\\r\\n{json.dumps(items[:1])}\\r\\n--{boundary}--\\r\\n'
            print(len(call("POST", "/?access_token=TOK", body, {"Content-Type": f"multipart/form-data; boundary={boundary}"}).json))
            print(len(call("POST", "/", json.dumps({"access_token": "TOK", "batch": items[:2]}), {"Content-Type": "application/json"}).json))
            """, options: checked)
        #expect(
            lines == [
                #"200 ["1730000000000001", "1730000000000002"]"#, "400 [100, 33]",
                "200 True 1730000000000001", "400 True 100", "400 True 190",
                "['body', 'code'] ['Zoë 1']", "GraphBatchException", "1", "2",
            ])
        #expect(calls[.ids] == 2)
        #expect(calls[.batch] == 5)
    }

    @Test func `errors have the service's codes`() async throws {
        var options = checked
        options.tokens = ["TOK"]
        let (lines, _) = try await run(
            """
            L = "/v26.0/1730000000000003/?"
            show("GET", L + "access_token=")
            show("GET", L + "access_token=EXPIRED")
            show("GET", L + "access_token=OTHER")
            show("GET", "/v26.0/1999/?" + T)
            show("GET", L + T + "&fields=adgroup_id")
            show("GET", L + "access_token=TOK&appsecret_proof=de94ee728ce290957d9d7a20c84a4ae16c083e9e9922d39dba6c279a0e87a5db")
            show("GET", "/a/b/c?" + T)
            r = call("GET", L + "access_token=THROTTLE")
            usage = json.loads(r.headers["x-business-use-case-usage"])
            print(r.status, r.json["error"]["code"], usage["106000000000001"][0]["estimated_time_to_regain_access"])
            print(*[call("GET", L + "access_token=FLAKY").status for i in range(6)])
            r = call("GET", L + "access_token="); print(r.json["error"]["type"], r.headers["www-authenticate"][:5])
            """, options: options)
        #expect(
            lines == [
                "400 [104, None]", "400 [190, 463]", "400 [190, None]", "400 [100, 33]",
                "400 [100, None]", "400 [100, None]", "404 [2500, None]", "400 80005 37",
                "500 500 200 500 500 200", "OAuthException OAuth",
            ])
    }

    @Test func `the next calls fail as told`() async throws {
        let (lines, _) = try await run(
            """
            for i in range(4): show("GET", "/1730000000000003?access_token=TOK&fields=id")
            show("GET", "/555000000000001/leads?access_token=TOK&fields=id&limit=1", of=lambda j: len(j["data"]))
            show("GET", "/555000000000001/leads?access_token=TOK&fields=id&limit=1", of=lambda j: len(j["data"]))
            """
        ) { api in
            api.fail(.transient, times: 2)
            api.fail(.permission, call: .lead)
            api.fail(.tooMuchData, call: .leads)
        }
        #expect(
            lines == [
                "403 [10, None]", "500 [2, None]", "500 [2, None]",
                #"200 {"id": "1730000000000003"}"#, "500 [1, None]", "200 1",
            ])
    }

    @Test func `forms, test leads and subscriptions answer as for the SDK`() async throws {
        let (lines, _) = try await run(
            """
            form = {"Content-Type": "application/x-www-form-urlencoded"}
            show("GET", "/v26.0/555000000000001/?" + T + "&fields=id%2Cname%2Cquestions", of=lambda j: j["questions"][0]["key"])
            show("GET", "/v26.0/106000000000001/leadgen_forms?" + T + "&fields=id%2Cname%2Cstatus&summary=true", of=lambda j: j["data"][0]["id"])
            show("POST", "/v26.0/106000000000001/subscribed_apps?" + T, "subscribed_fields=%5B%22leadgen%22%5D", form)
            t = "/v26.0/555000000000001/test_leads?" + T
            r = call("POST", t, "field_data=%5B%7B%22name%22%3A%22full_name%22%2C%22values%22%3A%5B%22T+%5Cu00e9%22%5D%7D%5D", form); id = r.json["id"]
            show("POST", t, "")
            show("GET", t + "&summary=true", of=lambda j: [j["data"][0]["field_data"][0]["values"], j["summary"]["total_count"]])
            show("DELETE", f"/v26.0/{id}/?" + T)
            show("DELETE", f"/v26.0/{id}/?" + T)
            show("POST", t, "", of=lambda j: len(j))
            show("GET", t + "&fields=field_data%2Cis_organic%2Cad_id", of=lambda j: [j["data"][0]["is_organic"], j["data"][0]["field_data"][1]["values"]])
            """, options: checked)
        #expect(
            lines == [
                #"200 "full_name""#, #"200 "555000000000001""#, #"200 {"success": true}"#,
                "400 [2, 1892058]", #"200 [["T \u00e9"], 1]"#, #"200 {"success": true}"#,
                "400 [100, 33]", "200 1", #"200 [true, ["test@meta.com"]]"#,
            ])
    }
}

struct GraphWebhookTests {
    @Test func `a notification announces the leads in Meta's own bytes`() throws {
        let api = FakeGraphAPI()
        let ids = try api.add(
            ndjson: Array(
                """
                {"id":"17","created_time":"2025-10-09T08:53:20+0000","form_id":"5","ad_id":"12"}

                {"id":"18","created_time":"2025-10-09T08:53:21+0000","form_id":"5","page_id":"ü/"}
                """.utf8))
        let body = api.webhookBody(for: ids, timeSeconds: 1_760_000_090)
        let expected =
            #"{"object":"page","entry":[{"id":"106000000000001","time":1760000090,"changes":["#
            + #"{"field":"leadgen","value":{"leadgen_id":"17","page_id":"106000000000001","#
            + #""form_id":"5","ad_id":"12","adgroup_id":"12","created_time":1760000000}}]},"#
            + #"{"id":"\u00fc\/","time":1760000090,"changes":[{"field":"leadgen","value":"#
            + #"{"leadgen_id":"18","page_id":"\u00fc\/","form_id":"5","created_time":1760000001}}]}]}"#
        #expect(String(decoding: body, as: UTF8.self) == expected)
        let numbers = api.webhookBody(for: ["17"], timeSeconds: 1, ids: .number)
        #expect(String(decoding: numbers, as: UTF8.self).contains(#""leadgen_id":17,"#))
    }

    @Test func `signature and proof match the known vectors`() {
        let body =
            #"{"object":"page","entry":[{"id":"106000000000001","time":1760000000,"changes":["#
            + #"{"field":"leadgen","value":{"leadgen_id":"1730000000000003","note":"Zo\u00eb \/ "#
            + #"50\u0025"}}]}]}"#
        #expect(
            FakeGraphAPI.signature(body: Array(body.utf8), secret: "s3cret-app")
                == "sha256=d73c0b6984a83bba1afc5efa738afa3a2da1c73b3a486ae63c49e2659ee8273f")
        #expect(
            FakeGraphAPI.proof(token: "TOK", secret: "s3cret-app")
                == "606273e59b6fabe3e040bb93c27987b03c6256c678aa24ee6ff7d0791849f217")
    }

    @Test func `a lead without id or time is refused and nothing is added`() {
        let api = FakeGraphAPI()
        let lines = #"{"id":"1","created_time":"2025-10-09T08:53:20+0000"}"# + "\n{}"
        #expect(throws: LeadError.self) { try api.add(ndjson: Array(lines.utf8)) }
        #expect(api.leadIDs.isEmpty)
    }
}
