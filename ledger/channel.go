package ledger

// ChannelClass says how long somebody waits on a channel.
type ChannelClass string

// The classes. Where a customer waits on the line there is no time for a look-up: real-time channels use what was computed before.
const (
	RealTime     ChannelClass = "real_time"
	NearRealTime ChannelClass = "near_real_time"
	Async        ChannelClass = "async"
)

// channelClasses are those of common channels; what is not listed is asynchronous.
var channelClasses = map[string]ChannelClass{
	"chat": RealTime, "phone": RealTime, "voice": RealTime, "video": RealTime, "call": RealTime, "in-person": RealTime,
	"api": NearRealTime, "webhook": NearRealTime, "sms": NearRealTime, "push": NearRealTime, "messenger": NearRealTime, "crm-task": NearRealTime,
}

// ClassOfChannel is a channel's class by its name, unless the configuration says otherwise.
func ClassOfChannel(channel string) ChannelClass {
	if c, ok := channelClasses[channel]; ok {
		return c
	}
	return Async
}
