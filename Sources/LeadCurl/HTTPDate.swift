import CLibCurl

/// Dates in HTTP headers (RFC 9110 §5.6.7, all three forms).
public enum HTTPDate {
    /// Seconds since 1970, or nil when the text is no date.
    public static func seconds(_ text: String) -> Int64? {
        let seconds = curl_getdate(text, nil)
        return seconds == -1 ? nil : Int64(seconds)
    }
}
