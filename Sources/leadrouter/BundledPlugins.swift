import FileSink
import HTTPSink
import LeadKit
import MetaSource
import SMTPSink
import WebhookSource

/// The plugins built into the program: the readable list.
let bundledPlugins = PluginCatalogue(
    sources: [
        MetaSource.self,
        FormWebhookSource.self,
    ],
    sinks: [
        FileSink.self,
        HTTPSink.self,
        SMTPSink.self,
    ])
